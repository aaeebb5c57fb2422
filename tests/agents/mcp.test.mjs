// The MCP server at /mcp, driven by the protocol's own clients: the stateful revision, the stateless one, and what the
// protocol says about everything that is wrong.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { Client as Client2026, StreamableHTTPClientTransport as Transport2026 } from "@modelcontextprotocol/client"
import { client as http, eventually, makeWorld } from "../support/server.mjs"

let world, server, api, mcp
before(async () => {
  world = await makeWorld({ config: { permission: { bash: "ask" } } })
  server = await world.serve()
  api = http(server.url)
  mcp = new Client({ name: "supervisor", version: "1" })
  await mcp.connect(new StreamableHTTPClientTransport(new URL(server.url + "/mcp")))
})
after(async () => {
  await mcp?.close()
  await world?.close()
})

const call = async (name, args = {}, by = mcp) => {
  const result = await by.callTool({ name, arguments: args })
  assert.ok(!result.isError, `${name}: ${result.content[0]?.text}`)
  assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent, "both say the same")
  return result.structuredContent
}
const refusal = async (name, args) => {
  const result = await mcp.callTool({ name, arguments: args })
  assert.equal(result.isError, true, JSON.stringify(result))
  return result.content[0].text
}
// As a supervisor does: from a cursor, until a session needs what is named.
const waitFor = async (session, state) => {
  const deadline = Date.now() + 60000
  let found = await call("session_wait", { sessions: [session] })
  for (;;) {
    const change = found.changes.find((each) => each.sessionID === session)
    if (change?.attention.state === state) return change
    assert.ok(Date.now() < deadline, `not ${state}: ${JSON.stringify(found)}`)
    found = await call("session_wait", { sessions: [session], after: found.cursor, timeout_ms: 5000 })
  }
}
const bash = (command) => `TOOL:${JSON.stringify([["bash", { command }]])}`

test("the whole loop: opened, asked, answered, told, reviewed, accepted, closed; everything sent twice is done once", async () => {
  const opening = { request: bash("echo made > made.txt; git add . && git -c user.name=a -c user.email=a@b commit -qm made"), idempotency_key: "loop", title: "The loop", labels: ["mcp"] }
  const opened = await call("session_open", opening)
  assert.equal(opened.created, true)
  const session = opened.sessionID
  const again = await call("session_open", opening)
  assert.deepEqual([again.sessionID, again.created], [session, false])
  assert.match(await refusal("session_open", { ...opening, request: "other" }), /key/i)

  await waitFor(session, "approve")
  const listed = await call("session_list", { group: "needs_you", label: "mcp" })
  assert.deepEqual(listed.sessions.map((each) => each.sessionID), [session])
  const { requests } = await call("request_list", { session })
  assert.equal(requests.length, 1)
  assert.equal(requests[0].kind, "permission")
  const digest = await call("session_digest", { session, max_tokens: 600 })
  assert.ok(JSON.stringify(digest).includes(requests[0].id), "the digest has the request verbatim")
  assert.match(await refusal("request_reply", { request: requests[0].id, hash: "0000", reply: "once" }), /./)
  const reply = { request: requests[0].id, hash: requests[0].hash, reply: "once", idempotency_key: "yes" }
  assert.deepEqual(await call("request_reply", reply), await call("request_reply", reply))
  await waitFor(session, "ready")

  const work = await call("session_checkpoints", { session })
  assert.ok(work.checkpoints.length >= 1)
  const told = { session, text: "Well done", idempotency_key: "told" }
  const first = await call("session_tell", told)
  assert.equal((await call("session_tell", told)).messageID, first.messageID)
  await eventually(async () => (await call("session_get", { session })).attention.state === "ready", 30000)
  assert.equal((await api.messages(session)).filter((m) => m.info.role === "user").length, 2)

  const diff = await call("session_diff", { session, from: "start", to: "now" })
  assert.deepEqual(diff.files.map((each) => each.file), ["made.txt"])
  assert.match(diff.patch, /\+made/)
  assert.deepEqual((await call("session_diff", { session, from: "start", patch: false })).patch, "")
  assert.ok(await call("session_evidence", { session }))
  assert.equal((await call("session_update", { session, priority: "P0" })).priority, "P0")
  const review = { session, verdict: "accept", summary: "Good", idempotency_key: "review" }
  assert.deepEqual(await call("session_review", review), await call("session_review", review))
  await call("session_accept", { session })
  assert.equal((await call("session_close", { session })).attention.state, "done")
  assert.equal((await call("session_close", { session })).attention.state, "done")
  assert.equal((await call("session_reopen", { session })).closed_at, undefined)
  await call("session_archive", { session })
  assert.ok(!(await call("session_list")).sessions.some((each) => each.sessionID === session))
})

test("a question comes as data and is answered by a tool", async () => {
  const questions = [{ question: "Which database?", header: "DB", options: [{ label: "Postgres", description: "p" }, { label: "SQLite", description: "s" }] }]
  const { sessionID: session } = await call("session_open", {
    request: `TOOL:${JSON.stringify([["question", { questions }]])}`,
    idempotency_key: "asks",
  })
  await waitFor(session, "answer")
  const { requests } = await call("request_list", { session })
  assert.equal(requests[0].kind, "question")
  assert.ok(JSON.stringify(requests[0].content).includes("Which database?"))
  await call("request_reply", { request: requests[0].id, hash: requests[0].hash, answers: [["SQLite"]] })
  await waitFor(session, "ready")
})

test("a turn is stopped, and a session that works is not closed unless it may be stopped", async () => {
  const { sessionID: session } = await call("session_open", { request: bash("sleep 300"), idempotency_key: "sleeps" })
  await waitFor(session, "approve")
  const { requests } = await call("request_list", { session })
  await call("request_reply", { request: requests[0].id, reply: "once" })
  await waitFor(session, "working")
  assert.match(await refusal("session_close", { session }), /./)
  assert.equal((await call("session_abort", { session })).aborted, true)
  await call("session_close", { session, stop: true })
})

test("what a model gets wrong is said in words, and leads nowhere else", async () => {
  assert.match(await refusal("session_get", { session: "ses_none" }), /./)
  assert.match(await refusal("session_get", { session: "../../session" }), /Expected an id/)
  assert.match(await refusal("session_get", {}), /Missing argument\n {2}at \["session"\]/)
  assert.match(await refusal("session_get", { sesion: "x" }), /no argument "sesion"/)
  assert.match(await refusal("session_list", { limit: "many" }), /integer/)
  assert.match(await refusal("session_tell", { session: "ses_1", text: "x", mode: "shout", idempotency_key: "k" }), /queue/)
  await assert.rejects(mcp.callTool({ name: "no_such_tool", arguments: {} }), /Unknown tool/)
})

test("answers are bounded, and say that they were cut", async () => {
  const { sessionID } = await call("session_open", { request: "x".repeat(100000), idempotency_key: "long" })
  await waitFor(sessionID, "ready")
  for (const [tool, args] of [["session_list", { limit: 500 }], ["session_digest", { session: sessionID }], ["session_get", { session: sessionID }]]) {
    const answer = await call(tool, args)
    assert.ok(JSON.stringify(answer).length < 30000, `${tool}: ${JSON.stringify(answer).length}`)
  }
})

test("tools are described for models: short, with schemas and hints", async () => {
  const { tools } = await mcp.listTools()
  assert.ok(tools.length >= 18)
  for (const tool of tools) {
    assert.ok(tool.description.length < 300, tool.name)
    assert.equal(tool.inputSchema.type, "object")
    const writes = !tool.annotations.readOnlyHint
    assert.equal("idempotency_key" in tool.inputSchema.properties, writes, tool.name)
  }
  const size = JSON.stringify(tools).length
  assert.ok(size < 19000, `${size}: what every conversation pays`)
})

test("a wait tells its progress, and ends when it is cancelled", async () => {
  const now = await call("session_wait", {})
  const progress = []
  const abort = new AbortController()
  const waiting = mcp.callTool({ name: "session_wait", arguments: { after: now.cursor, timeout_ms: 25000 } }, undefined, {
    signal: abort.signal,
    onprogress: (each) => {
      progress.push(each.progress)
      abort.abort("enough")
    },
  })
  await assert.rejects(waiting, /enough/)
  assert.equal(progress[0], 1)
  await mcp.ping()
})

test("sessions are resources, and supervising is a prompt", async () => {
  const { resources } = await mcp.listResources()
  assert.match(resources[0].uri, /^session:\/\/ses_/)
  const { contents } = await mcp.readResource({ uri: resources[0].uri })
  assert.ok(JSON.parse(contents[0].text))
  await assert.rejects(mcp.readResource({ uri: "session://ses_none" }))
  const { messages } = await mcp.getPrompt({ name: "supervise", arguments: { work: "Fix it" } })
  assert.match(messages[0].content.text, /session_open[\s\S]*Fix it/)
})

test("the stateless revision: discovered, listed, called, without a session", async () => {
  const modern = new Client2026({ name: "supervisor", version: "2" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } })
  const transport = new Transport2026(new URL(server.url + "/mcp"))
  await modern.connect(transport)
  assert.equal(transport.sessionId, undefined)
  assert.ok((await modern.listTools()).tools.length >= 18)
  const opening = { request: "say hello", idempotency_key: "stateless" }
  const opened = await call("session_open", opening, modern)
  assert.deepEqual([(await call("session_open", opening, modern)).created, opened.created], [false, true])
  assert.ok((await call("session_list", {}, modern)).sessions.some((each) => each.sessionID === opened.sessionID))
  await modern.close()
})

const raw = (body, headers = {}, method = "POST") =>
  fetch(server.url + "/mcp", {
    method,
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  })
const hello = { jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } } }
const ping = { jsonrpc: "2.0", id: "p", method: "ping" }

test("a session that is unknown, closed or missing is told apart, and messages that are none are refused", async () => {
  const opened = await raw(hello)
  const id = opened.headers.get("mcp-session-id")
  assert.match(id, /^[\x21-\x7e]{32,}$/)
  assert.equal((await opened.json()).result.protocolVersion, "2025-11-25")
  const mine = { "mcp-session-id": id, "mcp-protocol-version": "2025-11-25" }
  assert.deepEqual(await (await raw(ping, mine)).json(), { jsonrpc: "2.0", id: "p", result: {} })
  assert.equal((await raw({ jsonrpc: "2.0", method: "notifications/initialized" }, mine)).status, 202)
  assert.equal((await raw(ping)).status, 400, "no session")
  assert.equal((await raw(ping, { "mcp-session-id": "other" })).status, 404)
  assert.equal((await raw(ping, { ...mine, "mcp-protocol-version": "1999-01-01" })).status, 400)
  assert.equal((await (await raw({ ...ping, method: "logging/setLevel" }, mine)).json()).error.code, -32601)
  for (const [body, code] of [["{", -32700], ["[]", -32600], ['{"jsonrpc":"2.0"}', -32600], ['{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600], ['{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600], ['{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602]]) {
    const answer = await raw(body, mine)
    assert.deepEqual([answer.status, (await answer.json()).error.code], [400, code], body)
  }
  assert.equal((await raw(undefined, mine, "GET")).status, 405)
  assert.equal((await raw(undefined, mine, "DELETE")).status, 204)
  assert.equal((await raw(undefined, mine, "DELETE")).status, 404)
  assert.equal((await raw(ping, mine)).status, 404)
  const older = await raw({ ...hello, params: { ...hello.params, protocolVersion: "2024-11-05" } })
  assert.equal((await older.json()).result.protocolVersion, "2025-11-25", "the newest that we speak")
})

test("foreign pages are refused, also for reading", async () => {
  for (const [body, method] of [[hello, "POST"], [undefined, "GET"], [undefined, "DELETE"]]) {
    assert.equal((await raw(body, { origin: "http://evil.example" }, method)).status, 403, method)
  }
  assert.equal((await raw(hello, { origin: "http://localhost:3000" })).status, 200)
})

test("names of sessions are bounded: the one that was idle for longest is forgotten", async () => {
  const oldest = (await raw(hello)).headers.get("mcp-session-id")
  for (let i = 0; i < 600; ++i) await (await raw(hello)).arrayBuffer()
  assert.equal((await raw(ping, { "mcp-session-id": oldest })).status, 404)
})

test("OpenCode's own /mcp stays what it is", async () => {
  assert.deepEqual((await api.get("/mcp")).body, {})
})
