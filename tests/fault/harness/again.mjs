// The same request ten times, the server killed in the middle: one message, one run, the same answer.
import { client, eventually, makeWorld } from "../../support/server.mjs"
import { sleep, texts } from "./ledger.mjs"
import { messageID } from "./random.mjs"

export async function again(metrics, { peer }) {
  const world = await makeWorld({ peer })
  try {
    let server = await world.serve()
    let api = client(server.url)
    const restart = async () => {
      await server.kill()
      server = await world.serve()
      api = client(server.url)
    }
    const runs = async (mark) =>
      (await world.modelRequests()).filter((request) => JSON.stringify(request).includes(mark)).length
    const ways = [{ name: "messageID", more: (id) => [{ messageID: id }, {}] }]
    ways.push({ name: "Idempotency-Key", more: (id) => [{}, { "idempotency-key": id }] })
    for (const { name, more } of ways) {
      const session = (await api.session({ title: "again" })).id
      const id = messageID()
      const mark = `again-${name}`
      const [members, headers] = more(id)
      const ask = (text) => api.post(`/session/${session}/message`, { parts: [{ type: "text", text }], ...members }, headers)
      const answers = []
      for (let i = 0; i < 4; i++) answers.push(await ask(`${mark}\nWORDS:7`))
      await restart()
      for (let i = 0; i < 4; i++) answers.push(await ask(`${mark}\nWORDS:7`))
      answers.push(...(await Promise.all([ask(`${mark}\nWORDS:7`), ask(`${mark}\nWORDS:7`)])))
      const messages = (await api.messages(session)).filter((m) => m.info.role === "user")
      metrics.check(`${name}: messages`, messages.length, 1)
      metrics.check(`${name}: its text unchanged`, messages[0] && texts(messages[0]) === `${mark}\nWORDS:7`, true)
      metrics.check(`${name}: model calls`, await runs(mark), 1)
      metrics.check(`${name}: different answers`, new Set(answers.map((a) => JSON.stringify(a.body))).size, 1)
      metrics.check(`${name}: with other words`, (await ask("something else")).status, 409)
    }
    // Killed while the first is being answered.
    const session = (await api.session({ title: "again" })).id
    const headers = { "idempotency-key": "cut" }
    const body = { parts: [{ type: "text", text: "cut-off\nSLOW:100:10" }] }
    const cut = api.post(`/session/${session}/message`, body, headers).catch(() => null)
    await eventually(async () => (await api.messages(session)).length > 1).catch(() => null)
    await sleep(100)
    await restart()
    await cut
    const answer = await api.post(`/session/${session}/message`, body, headers)
    metrics.check("cut off by a kill, sent again: answered", answer.body?.info?.finish, "stop")
    metrics.check("cut off by a kill, sent again: messages", (await api.messages(session)).filter((m) => m.info.role === "user").length, 1)
    const key = { "idempotency-key": "made" }
    const first = (await api.post("/session", { title: "made" }, key)).body.id
    await restart()
    metrics.check("POST /session again: the same session", (await api.post("/session", { title: "made" }, key)).body.id === first, true)
  } finally {
    await world.close()
  }
}
