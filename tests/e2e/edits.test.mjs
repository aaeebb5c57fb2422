// Changing what was said: delete and edit messages and parts, fork, and commands of the user.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { client, events, eventually, isIdle, makeWorld } from "../support/server.mjs"

let world, server, api
before(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

const text = (message) => message.parts.filter((p) => p.type === "text").map((p) => p.text).join("")

test("a message is deleted, once and for all", async () => {
  const stream = events(server.url)
  await stream.connected
  const session = (await api.session()).id
  const answer = (await api.prompt(session, "hello")).body
  assert.deepEqual((await api.delete(`/session/${session}/message/${answer.info.id}`)).body, true)
  const removed = await stream.until((e) => e.type === "message.removed")
  assert.deepEqual(removed.properties, { sessionID: session, messageID: answer.info.id })
  assert.deepEqual((await api.messages(session)).map((m) => m.info.role), ["user"])
  assert.equal((await api.delete(`/session/${session}/message/${answer.info.id}`)).status, 200)
  assert.equal((await api.delete(`/session/${session}/message/bad`)).status, 400)
  assert.equal((await api.delete(`/session/ses_nope/message/msg_nope`)).status, 404)
  stream.close()
})

test("a part is edited and deleted", async () => {
  const session = (await api.session()).id
  const answer = (await api.prompt(session, "hello")).body
  const part = answer.parts.find((p) => p.type === "text")
  const at = `/session/${session}/message/${answer.info.id}/part/${part.id}`
  const edited = { ...part, text: "edited" }
  assert.deepEqual((await api.patch(at, edited)).body, edited)
  assert.equal(text((await api.get(`/session/${session}/message/${answer.info.id}`)).body), "edited")
  assert.deepEqual((await api.patch(at, { ...edited, id: "prt_other" })).body, { _tag: "BadRequest" })
  assert.equal((await api.patch(at, { nonsense: true })).status, 400)
  assert.equal((await api.patch(at, "{bad")).status, 400)
  assert.equal((await api.patch(`/session/${session}/message/msg_nope/part/${part.id}`, { ...edited, messageID: "msg_nope" })).status, 404)
  assert.equal((await api.delete(at)).body, true)
  assert.equal((await api.delete(at)).body, true)
  assert.deepEqual((await api.get(`/session/${session}/message/${answer.info.id}`)).body.parts.map((p) => p.type), ["step-start", "step-finish"])
})

test("a working session refuses edits with 409", async () => {
  const session = (await api.session()).id
  const stream = events(server.url)
  await stream.connected
  await api.promptAsync(session, "SLOW:500:20")
  const { properties } = await stream.until((e) => e.type === "message.part.delta" && e.properties.sessionID === session)
  const refused = await api.delete(`/session/${session}/message/${properties.messageID}`)
  assert.equal(refused.status, 409)
  assert.deepEqual(refused.body, { _tag: "SessionBusyError", sessionID: session, message: `Session is busy: ${session}` })
  assert.equal((await api.post(`/session/${session}/shell`, { agent: "build", command: "true" })).status, 409)
  // A fork takes what is there, and nothing runs in it.
  const fork = (await api.post(`/session/${session}/fork`, {})).body
  const copied = await api.messages(fork.id)
  assert.deepEqual(copied.map((m) => [m.info.role, m.info.error?.name]), [["user", undefined], ["assistant", "MessageAbortedError"]])
  await api.post(`/session/${session}/abort`)
  await stream.until(isIdle(session))
  stream.close()
})

test("a fork goes on from before a message, under new ids", async () => {
  const session = (await api.session({ title: "origin" })).id
  await api.prompt(session, "first")
  await api.prompt(session, "second")
  const original = await api.messages(session)
  const fork = (await api.post(`/session/${session}/fork`, { messageID: original[2].info.id })).body
  assert.equal(fork.title, "origin (fork #1)")
  assert.notEqual(fork.id, session)
  const copied = await api.messages(fork.id)
  assert.deepEqual(copied.map(text), original.slice(0, 2).map(text))
  assert.equal(copied[1].info.parentID, copied[0].info.id)
  assert.ok(copied.every((m) => !original.some((o) => o.info.id === m.info.id)))
  assert.equal(fork.tokens.input, 100)
  assert.equal((await api.prompt(fork.id, "third")).status, 200)
  assert.equal((await api.messages(session)).length, 4)
  assert.equal((await api.call("POST", `/session/${session}/fork`)).body.title, "origin (fork #1)")
  assert.equal((await api.post(`/session/ses_nope/fork`, {})).status, 404)
  assert.equal((await api.post(`/session/${session}/fork`, { messageID: 5 })).status, 400)
})

test("a command of the user runs, is shown and is told to the model", async () => {
  const session = (await api.session({ title: "shell" })).id
  const { status, body } = await api.post(`/session/${session}/shell`, { agent: "build", command: "echo v2" })
  assert.equal(status, 200)
  assert.equal(body.parts.length, 1)
  const { tool, state } = body.parts[0]
  assert.deepEqual(
    [tool, state.status, state.input, state.output, state.title, state.metadata],
    ["bash", "completed", { command: "echo v2" }, "v2\n", "", { output: "v2\n" }],
  )
  const [asked] = await api.messages(session)
  assert.equal(text(asked), "The following tool was executed by the user")
  assert.equal(asked.parts[0].synthetic, true)
  await api.prompt(session, "and now?")
  const sent = (await world.modelRequests()).findLast((r) => r.messages?.some((m) => m.role === "tool"))
  assert.equal(sent.messages.find((m) => m.role === "tool").content, "v2\n")
  assert.deepEqual((await api.get("/session/status")).body, {})
})

test("bad commands are refused", async () => {
  const session = (await api.session()).id
  const missing = await api.post(`/session/${session}/shell`, {})
  assert.deepEqual([missing.status, missing.body.data.message], [400, 'Missing key\n  at ["agent"]'])
  assert.equal((await api.post(`/session/${session}/shell`, { agent: "nosuch", command: "ls" })).status, 500)
  assert.equal((await api.post(`/session/ses_nope/shell`, { agent: "build", command: "ls" })).status, 404)
})

test("a running command is aborted; a prompt that came meanwhile is answered then", async () => {
  const session = (await api.session({ title: "abort" })).id
  const running = api.post(`/session/${session}/shell`, { agent: "build", command: "sleep 60" })
  await eventually(async () => (await api.get("/session/status")).body[session]?.type === "busy")
  await eventually(async () => (await api.messages(session)).length === 2)
  await api.promptAsync(session, "hello")
  await api.post(`/session/${session}/abort`)
  assert.equal((await running).status, 200)
  await eventually(async () => (await api.messages(session)).at(-1).info.finish === "stop")
})

test("a command that a crash cut off has ended after the restart", async () => {
  const session = (await api.session({ title: "crash" })).id
  api.post(`/session/${session}/shell`, { agent: "build", command: "sleep 60" }).catch(() => {})
  await eventually(async () => (await api.messages(session)).at(-1)?.parts[0]?.state?.status === "running")
  await server.kill()
  server = await world.serve()
  api = client(server.url)
  const last = await eventually(async () => {
    const message = (await api.messages(session)).at(-1)
    return message.info.time.completed && message
  })
  assert.equal(last.parts[0].state.status, "error")
  assert.deepEqual((await api.get("/session/status")).body, {})
})
