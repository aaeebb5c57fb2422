// What the API promises to any client: errors, limits, order, idempotency.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { connect } from "node:net"
import { client, events, isIdle, makeWorld } from "../support/server.mjs"

let world, server, api
before(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

test("errors have OpenCode's shapes and never are HTML", async () => {
  const session = (await api.session()).id
  const table = [
    ["GET", "/session/ses_nope", undefined, 404, { name: "NotFoundError", data: { message: "Session not found: ses_nope" } }],
    ["GET", "/session/badprefix", undefined, 400],
    ["GET", "/session/ses_nope/message", undefined, 404],
    ["GET", `/session/${session}/message/msg_nope`, undefined, 404, { name: "NotFoundError", data: { message: "Message not found: msg_nope" } }],
    ["GET", `/session/${session}/message/bad`, undefined, 400],
    ["GET", `/session/${session}/message?limit=x`, undefined, 400],
    ["GET", `/session/${session}/message?before=zzz`, undefined, 400, { _tag: "BadRequest" }],
    ["DELETE", "/session/ses_nope", undefined, 404],
    ["PATCH", "/session/ses_nope", { title: "x" }, 404],
    ["POST", "/session/ses_nope/message", { parts: [{ type: "text", text: "x" }] }, 404],
    ["POST", "/session/ses_nope/prompt_async", { parts: [{ type: "text", text: "x" }] }, 404],
    ["POST", "/session/ses_nope/abort", undefined, 200, true],
    ["POST", "/session", { title: 5 }, 400],
    ["POST", "/session", "{bad json", 400],
    ["POST", "/session", [1], 400],
    ["POST", "/session", { parentID: "x" }, 400],
    ["POST", "/session", { unknown: 1, title: "ok" }, 200],
    ["POST", `/session/${session}/message`, {}, 400, { name: "BadRequest", data: { message: 'Missing key\n  at ["parts"]', kind: "Payload" } }],
    ["POST", `/session/${session}/message`, undefined, 400, { name: "BadRequest", data: { message: "Expected object, got undefined", kind: "Payload" } }],
    ["POST", `/session/${session}/message`, { parts: "x" }, 400, { name: "BadRequest", data: { message: 'Expected array, got "x"\n  at ["parts"]', kind: "Payload" } }],
    ["POST", `/session/${session}/message`, { parts: [{ type: "text" }] }, 400, { name: "BadRequest", data: { message: 'Missing key\n  at ["parts"][0]["text"]', kind: "Payload" } }],
    ["POST", `/session/${session}/message`, { parts: [{ type: "nope" }] }, 400],
    ["POST", `/session/${session}/message`, { messageID: "bad", parts: [] }, 400],
    ["POST", `/session/${session}/message`, { parts: [{ type: "text", text: "x" }], agent: "nosuch" }, 500],
    ["POST", `/session/${session}/message`, { parts: [{ type: "text", text: "x" }], model: { providerID: "nop", modelID: "zz" } }, 500],
    ["POST", `/session/${session}/prompt_async`, { parts: [{ type: "text", text: "x" }], model: { providerID: "nop", modelID: "zz" } }, 204],
    ["POST", "/permission/per_nope/reply", { reply: "once" }, 404, { _tag: "PermissionNotFoundError", requestID: "per_nope", message: "Permission request not found: per_nope" }],
    ["POST", "/permission/bad/reply", { reply: "once" }, 400],
    ["POST", "/permission/per_nope/reply", { reply: "yes" }, 400],
    ["GET", "/session?roots=maybe", undefined, 400],
    ["GET", "/session?limit=0", undefined, 200, []],
    ["GET", "/nosuch", undefined, 404],
    ["POST", "/nosuch", {}, 404],
    ["PUT", "/session", {}, 405],
    ["DELETE", "/event", undefined, 405],
    ["GET", "/session/", undefined, 200],
  ]
  for (const [method, path, body, status, expected] of table) {
    const answer = await api.call(method, path, body)
    const what = `${method} ${path} ${JSON.stringify(body)} -> ${JSON.stringify(answer.body)}`
    assert.equal(answer.status, status, what)
    if (status !== 204) assert.match(answer.headers.get("content-type"), /^application\/json/, what)
    if (expected !== undefined) assert.deepEqual(answer.body, expected, what)
  }
})

test("a body that is not declared as JSON is refused, a missing one is not", async () => {
  const refused = await fetch(`${server.url}/session`, { method: "POST", body: "{}", headers: { "content-type": "text/plain" } })
  assert.equal(refused.status, 415)
  const bare = await fetch(`${server.url}/session`, { method: "POST" })
  assert.equal(bare.status, 200)
})

test("foreign hosts and origins are refused", async () => {
  // fetch() sets Host and Origin itself, so this one speaks for itself.
  const raw = (head) =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(server.url)
      const socket = connect(Number(port), hostname, () => socket.end(head))
      let out = ""
      socket.on("data", (bytes) => (out += bytes))
      socket.on("close", () => resolve(out))
      socket.on("error", reject)
    })
  assert.match(await raw("GET /session HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"), /^HTTP\/1.1 403/)
  assert.match(
    await raw("POST /session HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    /^HTTP\/1.1 403/,
  )
  const preflight = await fetch(`${server.url}/session`, {
    method: "OPTIONS",
    headers: { origin: "http://localhost:3000", "access-control-request-method": "POST" },
  })
  assert.equal(preflight.status, 204)
  assert.equal(preflight.headers.get("access-control-allow-origin"), "http://localhost:3000")
})

test("bodies over the limit are refused with 413", async () => {
  const answer = await api.post("/session", JSON.stringify({ title: "x".repeat(11 * 1024 * 1024) })).catch((e) => e)
  // The server may close before the client has sent everything; what it must not do is take it.
  if (answer instanceof Error) return
  assert.equal(answer.status, 413)
})

test("deep nesting is a 400, a long title too", async () => {
  const deep = '{"metadata":' + "[".repeat(1000) + "]".repeat(1000) + "}"
  assert.equal((await api.post("/session", deep)).status, 400)
  assert.equal((await api.post("/session", { title: "x".repeat(2000) })).status, 400)
})

test("/doc lists every route and is OpenAPI 3.1", async () => {
  const doc = (await api.get("/doc")).body
  assert.match(doc.openapi, /^3\.1/)
  assert.equal(doc.paths["/session/{sessionID}/message"].post.operationId, "session.prompt")
  const names = new Set(Object.keys(doc.components.schemas))
  for (const [, name] of JSON.stringify(doc).matchAll(/#\/components\/schemas\/([^"]+)/g)) assert.ok(names.has(name), name)
})

test("the same message id is admitted once and answers alike", async () => {
  const session = (await api.session({ title: "once" })).id
  const body = { messageID: "msg_200000000001AAAAAAAAAAAAAA", parts: [{ type: "text", text: "hello" }] }
  const [first, second] = await Promise.all([
    api.post(`/session/${session}/message`, body),
    api.post(`/session/${session}/message`, body),
  ])
  const third = await api.post(`/session/${session}/message`, body)
  assert.equal(first.status, 200)
  assert.deepEqual(second.body, first.body)
  assert.deepEqual(third.body, first.body)
  assert.equal((await api.messages(session)).length, 2)
})

test("prompts to a busy session are answered one after the other", async () => {
  const session = (await api.session({ title: "queue" })).id
  const stream = events(server.url)
  await stream.connected
  for (const text of ["SLOW:10:10", "second", "third"]) assert.equal((await api.promptAsync(session, text)).status, 204)
  await stream.until(isIdle(session))
  stream.close()
  const messages = await api.messages(session)
  const asked = messages.filter((m) => m.info.role === "user").map((m) => m.info.id)
  const answered = messages.filter((m) => m.info.role === "assistant").map((m) => m.info.parentID)
  assert.equal(asked.length, 3)
  assert.deepEqual([...answered].sort(), [...asked].sort())
  assert.equal(stream.seen.filter(isIdle(session)).length, 1)
})

test("an abort ends the running turn and leaves the queued prompt", async () => {
  const session = (await api.session({ title: "abort queue" })).id
  const stream = events(server.url)
  await stream.connected
  await api.promptAsync(session, "SLOW:500:20")
  await api.promptAsync(session, "second")
  await stream.until((e) => e.type === "message.part.delta" && e.properties.sessionID === session)
  await api.post(`/session/${session}/abort`)
  await stream.until(isIdle(session))
  stream.close()
  const answers = (await api.messages(session)).filter((m) => m.info.role === "assistant")
  assert.equal(answers[0].info.error.name, "MessageAbortedError")
  assert.equal(answers[1].info.finish, "stop")
})

test("a client that comes back with its last event id misses nothing", async () => {
  const session = (await api.session({ title: "replay" })).id
  const first = events(server.url)
  await first.connected
  await api.prompt(session, "hello")
  const some = await first.until((e) => e.type === "message.updated")
  first.close()
  const again = events(server.url, { lastEventID: some.seq })
  await again.until((e) => e.type === "session.updated" && e.seq > some.seq)
  const newest = Math.max(...first.seen.map((e) => e.seq ?? 0))
  await again.until((e) => (e.seq ?? 0) >= newest)
  const seqs = again.seen.map((e) => e.seq).filter((s) => s !== undefined)
  assert.ok(seqs.every((s) => s > some.seq))
  assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b))
  again.close()
})

test("a late reader sees the whole of a part that is still streaming", async () => {
  const session = (await api.session({ title: "late" })).id
  const stream = events(server.url)
  await stream.connected
  await api.promptAsync(session, "SLOW:40:20")
  await stream.until((e) => e.type === "message.part.delta" && e.properties.delta === "word9 ")
  const part = (await api.messages(session))[1].parts.find((p) => p.type === "text")
  assert.match(part.text, /^word0 word1 .*word9 /)
  await stream.until(isIdle(session))
  stream.close()
})

test("a deleted session is gone at once, also while it works", async () => {
  const session = (await api.session({ title: "delete" })).id
  await api.promptAsync(session, 'TOOL:[["bash",{"command":"sleep 60"}]]')
  const began = Date.now()
  assert.equal((await api.delete(`/session/${session}`)).status, 200)
  assert.ok(Date.now() - began < 5000)
  assert.equal((await api.get(`/session/${session}`)).status, 404)
  assert.equal((await api.get("/session/status")).body[session], undefined)
})
