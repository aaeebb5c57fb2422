// Prompts that meet a busy session, and requests that are sent again, over HTTP.
import assert from "node:assert/strict"
import { afterEach, beforeEach, test } from "node:test"
import { client, events, eventually, isIdle, makeWorld } from "../support/server.mjs"

let world, server, api
beforeEach(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
})
afterEach(() => world?.close())

const send = (session, mode, text, more = {}) => api.post(`/fleet/session/${session}/message`, { mode, text, ...more })
const idle = () => eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, 20000)
const answeredOrder = (messages) => [
  ...new Set(messages.filter((m) => m.info.role === "assistant").map((m) => m.info.parentID)),
]

test("queue, steer, interrupt and reject do what they say, and the queue can be read", async () => {
  const session = (await api.session({ title: "modes" })).id
  const stream = events(server.url)
  await stream.connected
  const first = (await send(session, "queue", "SLOW:400:20")).body
  assert.deepEqual(first, { sessionID: session, messageID: first.messageID, mode: "queue", queued: false, ahead: 0 })
  await stream.until((e) => e.type === "message.part.delta")
  const queued = (await send(session, "queue", "queued")).body
  const steering = (await send(session, "steer", "steering")).body
  assert.deepEqual([queued.queued, queued.ahead, steering.ahead], [true, 0, 0])
  assert.deepEqual((await api.get(`/fleet/session/${session}/queue`)).body, {
    running: first.messageID,
    queued: [{ messageID: steering.messageID, mode: "steer" }, { messageID: queued.messageID, mode: "queue" }],
  })
  const rejected = await send(session, "reject", "now or never")
  assert.equal(rejected.status, 409)
  assert.equal(rejected.body._tag, "SessionBusyError")
  const interrupting = (await send(session, "interrupt", "interrupting")).body
  await idle()
  const messages = await api.messages(session)
  assert.deepEqual(answeredOrder(messages), [first, interrupting, steering, queued].map((m) => m.messageID))
  assert.equal(messages.find((m) => m.info.parentID === first.messageID).info.error.name, "MessageAbortedError")
  assert.equal((await send(session, "reject", "now or never")).status, 200)
  await idle()
  stream.close()
})

test("a steering prompt is heard between two steps of a running turn", async () => {
  const session = (await api.session({ title: "steer" })).id
  const first = (await send(session, "queue", 'TOOL:[["bash",{"command":"sleep 0.7"}]]\nTOOL:[["bash",{"command":"echo never"}]]')).body
  await eventually(async () => (await api.messages(session))[1]?.parts.some((p) => p.state?.status === "running"))
  const steering = (await api.post(`/api/session/${session}/prompt`, { prompt: { text: "do this instead" } })).body.data
  assert.equal(steering.delivery, "steer")
  await idle()
  const messages = await api.messages(session)
  assert.deepEqual(answeredOrder(messages), [first.messageID, steering.id])
  assert.ok(!JSON.stringify(messages).includes("never\\n"), "the second step did not run")
  const seen = (await world.modelRequests()).at(-1).messages ?? (await world.modelRequests()).at(-1).body.messages
  assert.deepEqual(seen.slice(-3).map((m) => m.role), ["assistant", "tool", "user"])
})

test("an abort says what still waits, and what waits is answered; a prompt can be taken back", async () => {
  const session = (await api.session({ title: "abort" })).id
  await api.promptAsync(session, "SLOW:400:20")
  await eventually(async () => (await api.messages(session))[1]?.parts.length > 1)
  const second = (await send(session, "queue", "second")).body.messageID
  const third = (await send(session, "queue", "third")).body.messageID
  assert.equal((await api.delete(`/fleet/session/${session}/queue/${second}`)).body, true)
  const aborted = await api.post(`/session/${session}/abort`)
  assert.equal(aborted.body, true)
  assert.equal(aborted.headers.get("x-quarterdeck-queued"), "1")
  await idle()
  const messages = await api.messages(session)
  assert.equal(messages.find((m) => m.info.parentID === third)?.info.finish, "stop")
  assert.ok(!messages.some((m) => m.info.id === second))
  assert.equal((await api.delete(`/fleet/session/${session}/queue/${third}`)).status, 404)
  assert.deepEqual((await api.post(`/fleet/session/${session}/abort`)).body, { aborted: false, queued: [] })
})

test("the same key: one session, one message, one run, the same answer, also across a restart", async () => {
  const key = { "idempotency-key": "deploy-42" }
  const session = (await api.post("/session", { title: "keyed" }, key)).body.id
  assert.equal((await api.post("/session", { title: "keyed" }, key)).body.id, session)
  const other = await api.post("/session", { title: "another" }, key)
  assert.equal(other.status, 409)
  assert.match(other.body.data.message, /"deploy-42" was used for another request/)

  const body = { parts: [{ type: "text", text: "WORDS:5" }] }
  const answers = await Promise.all(Array.from({ length: 5 }, () => api.post(`/session/${session}/message`, body, key)))
  server = await (await server.kill(), world.serve())
  api = client(server.url)
  for (let i = 0; i < 5; i++) answers.push(await api.post(`/session/${session}/message`, body, key))
  assert.deepEqual(new Set(answers.map((a) => a.status)), new Set([200]))
  assert.equal(new Set(answers.map((a) => JSON.stringify(a.body))).size, 1)
  assert.equal((await api.messages(session)).length, 2)
  assert.equal((await api.post(`/session/${session}/message`, { parts: [{ type: "text", text: "x" }] }, key)).status, 409)
  for (const bad of ["", "a b", "x".repeat(256)]) {
    const answer = await api.post(`/session/${session}/prompt_async`, body, { "idempotency-key": bad })
    assert.equal(answer.status, 400, `key of ${bad.length} bytes`)
  }
})

test("the same message id: once, and with other words refused", async () => {
  const session = (await api.session({ title: "id" })).id
  const messageID = "msg_200000000001AAAAAAAAAAAAAA"
  const answers = []
  for (let i = 0; i < 5; i++) answers.push(await api.prompt(session, "hello", { messageID }))
  assert.equal(new Set(answers.map((a) => JSON.stringify(a.body))).size, 1)
  assert.equal((await api.prompt(session, "good bye", { messageID })).status, 409)
  const [prompt, ...rest] = await api.messages(session)
  assert.equal(prompt.parts[0].text, "hello")
  assert.equal(rest.length, 1)
})

test("a wrong mode or body is named, an unknown session is 404", async () => {
  const session = (await api.session({ title: "bad" })).id
  const mode = await send(session, "soon", "x")
  assert.equal(mode.status, 400)
  assert.match(mode.body.data.message, /"queue" \| "steer" \| "interrupt" \| "reject".*\["mode"\]/s)
  assert.equal((await api.post(`/fleet/session/${session}/message`, {})).status, 400)
  assert.equal((await api.post(`/fleet/session/${session}/message`, { parts: [] })).status, 400)
  assert.equal((await send("ses_nope", "queue", "x")).status, 404)
  assert.equal((await send("nope", "queue", "x")).status, 400)
  const v2 = await api.post(`/api/session/${session}/prompt`, { prompt: { text: "x" }, delivery: "reject" })
  assert.equal(v2.status, 400)
  assert.equal(v2.body.message, 'Expected "steer" | "queue", got "reject"\n  at ["delivery"]')
})
