// Several clients prompt one session at once, while turns are aborted. Every acknowledged prompt gets its own answer in
// one total order that all readers see.
import { client, events, eventually, makeWorld } from "../../support/server.mjs"
import { comesToRest, sleep, texts, warm } from "./ledger.mjs"
import { messageID, random } from "./random.mjs"

export async function clients(metrics, { seed, rounds, clients: count, peer }) {
  const choose = random(seed)
  const world = await makeWorld({ peer })
  try {
    let server = await world.serve()
    let api = client(server.url)
    await warm(api)
    const session = (await api.session({ title: "shared" })).id
    const acknowledged = []
    let refused = 0
    let words = 0
    const orders = [[], []]
    const readers = async () => {
      const streams = await Promise.all(orders.map(async (order) => {
        const stream = events(server.url)
        await stream.connected
        stream.done.finally(() => {
          for (const event of stream.seen) {
            const info = event.type === "message.updated" ? event.properties.info : undefined
            if (info?.role === "assistant" && info.sessionID === session && order.at(-1) !== info.parentID) order.push(info.parentID)
          }
        })
        return stream
      }))
      return streams
    }
    let streams = await readers()

    const send = async (text) => {
      const id = messageID()
      const mode = peer ? "queue" : choose.pick(["queue", "queue", "queue", "v1", "v1", "steer", "reject", "interrupt"])
      const answer = await (peer || mode === "v1"
        ? api.promptAsync(session, text, { messageID: id })
        : api.post(`/fleet/session/${session}/message`, { mode, messageID: id, text })
      ).catch(() => null)
      if (answer?.status === 204 || answer?.status === 200) acknowledged.push({ id, text, mode })
      else if (answer?.status === 409) refused++
    }
    const one = async () => {
      for (let round = 0; round < rounds; round++) {
        words = (words + 1) % 97
        await send(choose.chance(0.1) ? `SLOW:${20 + (words % 20)}:5` : `WORDS:${3 + words}`)
        if (choose.chance(0.03)) await api.post(`/session/${session}/abort`).catch(() => null)
      }
    }
    await Promise.all(Array.from({ length: count }, one))
    // A queue across a kill.
    const idle = () => comesToRest(api, 60_000 + count * rounds * 100)
    const ended = [await idle()]
    for (const stream of streams) stream.close()
    await Promise.all(streams.map((stream) => stream.done))
    const same = JSON.stringify(orders[0]) === JSON.stringify(orders[1])
    for (let i = 0; i < 3; i++) await send(i === 0 ? "SLOW:100:10" : `WORDS:${3 + i}`)
    await sleep(100)
    await server.kill()
    server = await world.serve()
    api = client(server.url)
    if (peer) await warm(api)
    ended.push(await idle())

    const messages = await api.messages(session)
    const assistants = messages.filter((m) => m.info.role === "assistant")
    const order = assistants.map((m) => m.info.parentID).filter((parent, i, all) => parent !== all[i - 1])
    let lost = 0
    let unanswered = 0
    const foreign = []
    let aborted = 0
    for (const { id, text } of acknowledged) {
      const stored = messages.filter((m) => m.info.id === id)
      if (stored.length !== 1 || texts(stored[0]) !== text) lost++
      const answers = assistants.filter((m) => m.info.parentID === id)
      if (answers.length === 0 || answers.some((m) => !m.info.time.completed)) {
        unanswered++
        continue
      }
      if (answers.some((m) => m.info.error?.name === "MessageAbortedError")) {
        aborted++
        continue
      }
      // Its own answer has as many words as it asked for. What the scripted model says after a kill is another matter.
      if (answers.some((m) => m.info.finish === "interrupted")) continue
      const wanted = Number(text.split(":")[1])
      const last = texts(answers.at(-1)).trim().split(" ").length
      if (last !== wanted) foreign.push(`${id} ${text}: ${answers.map((m) => `${m.info.finish ?? `${m.info.error?.name} ${m.info.error?.data?.message}`} "${texts(m).slice(0, 40)}"`)}`)
    }
    metrics.info("clients x prompts", `${count} x ${rounds}`)
    metrics.info("acknowledged / refused with 409", `${acknowledged.length} / ${refused}`)
    metrics.zero("acknowledged prompts lost or changed", lost)
    metrics.zero("acknowledged prompts without an answer of their own", unanswered)
    metrics.check("prompts with another one's answer", foreign.join("; ") || 0, 0)
    metrics.info("answers that an abort or an interruption ended", aborted)
    metrics.zero("answers that interleave", order.length - new Set(order).size)
    metrics.check("two readers saw one order", same, true)
    metrics.check("and it is the stored one", JSON.stringify(orders[0]) === JSON.stringify(order.slice(0, orders[0].length)), true)
    metrics.check("idle in the end", ended.every(Boolean), true)

    const doomed = (await api.session({ title: "doomed" })).id
    await api.promptAsync(doomed, "SLOW:500:20")
    await eventually(async () => (await api.get("/session/status")).body[doomed])
    await api.promptAsync(doomed, "WORDS:3")
    await api.delete(`/session/${doomed}`)
    const ghost = await eventually(async () => !(await api.get("/session/status")).body[doomed], 2000).then(() => 0, () => 1)
    metrics.zero("deleted sessions still busy after 2 s", ghost)
  } finally {
    await world.close()
  }
}
