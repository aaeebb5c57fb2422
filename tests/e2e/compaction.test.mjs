// The context is full: old tool output is cleared, what was said is summarised, the work goes on.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { client, events, makeWorld } from "../support/server.mjs"

let world, server, api, stream
before(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
  stream = events(server.url)
  await stream.connected
})
after(async () => {
  stream?.close()
  await world?.close()
})

const kinds = (messages) =>
  messages.map(({ info, parts }) =>
    info.role === "user"
      ? parts.map((p) => (p.type === "text" ? (p.synthetic ? "continue" : "said") : p.type)).join("+")
      : info.error ? info.error.name : info.summary ? "summary" : "answer")
const summarize = (id, more = {}) => api.post(`/session/${id}/summarize`, { providerID: "fake", modelID: "fake", ...more })
const requests = async () => (await world.modelRequests()).requests ?? (await world.modelRequests())

test("a summary on demand stands for what was said before", async () => {
  const { id } = await api.session()
  await api.prompt(id, "first message")
  const answer = await summarize(id)
  assert.deepEqual([answer.status, answer.body], [200, true])
  await stream.until((e) => e.type === "session.compacted" && e.properties.sessionID === id)
  const messages = await api.messages(id)
  assert.deepEqual(kinds(messages), ["said", "answer", "compaction", "summary"])
  const [, , asked, summary] = messages
  assert.equal(asked.parts[0].auto, false)
  assert.deepEqual([summary.info.mode, summary.info.agent, summary.info.summary, summary.info.finish], ["compaction", "compaction", true, "stop"])
  await api.prompt(id, "after")
  assert.equal((await api.get(`/fleet/session/${id}/context`)).body.compactions, 1)
})

test("with auto the work goes on by itself", async () => {
  const { id } = await api.session()
  await api.prompt(id, "first message")
  await summarize(id, { auto: true })
  const messages = await api.messages(id)
  assert.deepEqual(kinds(messages), ["said", "answer", "compaction", "summary", "continue", "answer"])
  assert.equal(messages[4].parts[0].metadata.compaction_continue, true)
})

test("a full context is summarised after the step, and the prompt is answered by what came last", async () => {
  const { id } = await api.session()
  const { body } = await api.prompt(id, "USAGE:196000\nhello")
  const messages = await api.messages(id)
  assert.deepEqual(kinds(messages), ["said", "answer", "compaction", "summary", "continue", "answer"])
  assert.equal(body.info.id, messages[5].info.id)
  const meter = (await api.get(`/fleet/session/${id}/context`)).body
  assert.deepEqual([meter.limit_tokens, meter.usable_tokens, meter.compactions, meter.auto], [200000, 192000, 1, true])
  assert.ok(meter.used_tokens < 1000 && meter.percentage < 1)
})

test("a step with calls is summarised with them, and nothing is orphaned", async () => {
  const { id } = await api.session()
  await api.prompt(id, 'USAGE:196000\nTOOL:[["bash",{"command":"echo hi","description":"x"}]]')
  assert.deepEqual(kinds(await api.messages(id)), ["said", "answer", "compaction", "summary", "continue", "answer"])
})

test("auto: false lets the context grow", async () => {
  const other = await makeWorld({ config: { compaction: { auto: false } } })
  try {
    const it = client((await other.serve()).url)
    const { id } = await it.session()
    await it.prompt(id, "USAGE:196000\nhello")
    assert.deepEqual(kinds(await it.messages(id)), ["said", "answer"])
  } finally {
    await other.close()
  }
})

test("a summary waits for the turn that is running", async () => {
  const { id } = await api.session()
  await api.promptAsync(id, 'TOOL:[["bash",{"command":"sleep 1","description":"x"}]]')
  await summarize(id)
  assert.deepEqual(kinds(await api.messages(id)).sort(), ["answer", "answer", "compaction", "said", "summary"])
})

test("a wrong request for a summary is refused", async () => {
  const { id } = await api.session()
  const wrong = await api.post(`/session/${id}/summarize`, {})
  assert.deepEqual([wrong.status, wrong.body.data.message], [400, 'Missing key\n  at ["providerID"]'])
  assert.equal((await api.post(`/session/${id}/summarize`, { providerID: "nop", modelID: "x" })).status, 500)
  assert.equal((await api.post("/session/ses_nope/summarize", { providerID: "fake", modelID: "fake" })).status, 404)
})
