// Model faults, each in its own session, all at once: every turn ends, well or with a stored error.
import { client, makeWorld } from "../../support/server.mjs"
import { sleep } from "./ledger.mjs"

const kFaults = [
  ...["reset", "reset-mid", "eof-mid", "badjson", "errobj", "html", "trunc-tool"].flatMap((fault) => [
    `FAULT:${fault}:1`,
    `FAULT:${fault}:2`,
    `FAULT:${fault}`,
  ]),
  ...["hang", "hang-mid", "loop-tool"].map((fault) => `FAULT:${fault}`),
  ...[400, 401, 402, 404, 429, 500, 503, 529].map((status) => `ERR:${status}`),
  "ERR:429:2\nRETRYAFTER:3",
  "ERR:429\nRETRYAFTER:3600",
]

export async function faults(metrics, { deadline, silence, peer }) {
  const world = await makeWorld({ peer, config: silence && !peer ? { quarterdeck: { retry: { silence_s: silence } } } : {} })
  try {
    const server = await world.serve()
    const api = client(server.url)
    const sessions = new Map()
    for (const fault of kFaults) {
      const id = (await api.session({ title: fault })).id
      sessions.set(id, fault)
      await api.promptAsync(id, fault)
    }
    const began = Date.now()
    let busy
    do {
      await sleep(1000)
      busy = Object.keys((await api.get("/session/status")).body).filter((id) => sessions.has(id))
    } while (busy.length > 0 && Date.now() - began < deadline * 1000)
    let untyped = 0
    for (const id of sessions.keys()) {
      if (busy.includes(id)) continue
      const last = (await api.messages(id)).filter((m) => m.info.role === "assistant").at(-1)
      const good = last?.info.time.completed && (last.info.finish === "stop" || last.info.finish === "length" || last.info.error?.name)
      if (!good) untyped++
    }
    metrics.info("model faults", sessions.size)
    metrics.check(`still busy after ${Math.round((Date.now() - began) / 1000)} s`, busy.length, 0)
    metrics.info("which", busy.map((id) => sessions.get(id).replace("\n", " ")).join(", ") || "–")
    metrics.zero("ended without an answer or a typed error", untyped)
  } finally {
    await world.close()
  }
}
