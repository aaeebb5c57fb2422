// MCP servers of the protocol's own makers: tools, resources, restarts, sign-in, and no process left behind.
import assert from "node:assert/strict"
import { existsSync, readFileSync, statSync, writeFileSync, mkdirSync } from "node:fs"
import { once } from "node:events"
import { spawn } from "node:child_process"
import { createServer } from "node:net"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { client, events, eventually, makeWorld } from "../support/server.mjs"
import { startProtected } from "../support/mcp_server.mjs"

const everything = join(import.meta.dirname, "node_modules/@modelcontextprotocol/server-everything/dist/index.js")
const own = join(import.meta.dirname, "../support/mcp_server.mjs")

let world, server, api, remote, guarded
before(async () => {
  world = await makeWorld()
  guarded = await startProtected()
  const port = await freePort()
  remote = spawn("node", [everything, "streamableHttp"], { env: { ...process.env, PORT: String(port) }, stdio: ["ignore", "ignore", "pipe"] })
  await once(remote.stderr, "data")
  // The user's own file: it needs no trust.
  const settings = join(world.home, ".config/opencode")
  mkdirSync(settings, { recursive: true })
  writeFileSync(
    join(settings, "opencode.json"),
    JSON.stringify({
      mcp: {
        every: { type: "local", command: ["node", everything, "stdio"] },
        remote: { type: "remote", url: `http://localhost:${port}/mcp` },
        own: { type: "local", command: ["node", own, "stdio"], environment: { GREETING: "hello" }, timeout: 3000 },
        guarded: { type: "remote", url: guarded.url },
        none: { type: "local", command: ["/nonexistent/program"] },
        off: { type: "local", command: ["true"], enabled: false },
      },
    }),
  )
  server = await world.serve()
  api = client(server.url)
})
after(async () => {
  await world?.close()
  remote?.kill()
  guarded?.close()
})

async function freePort() {
  const probe = createServer().listen(0)
  await once(probe, "listening")
  const { port } = probe.address()
  probe.close()
  return port
}

async function call(...calls) {
  const session = (await api.session()).id
  await api.prompt(session, `TOOL:${JSON.stringify(calls)}`)
  const parts = (await api.messages(session)).flatMap((m) => m.parts).filter((p) => p.type === "tool")
  return parts.map((p) => ({ tool: p.tool, ...p.state }))
}
const alive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test("servers tell how they are", async () => {
  const { body } = await api.get("/mcp")
  assert.deepEqual(body.every, { status: "connected" })
  assert.deepEqual(body.remote, { status: "connected" })
  assert.deepEqual(body.guarded, { status: "needs_auth" })
  assert.deepEqual(body.none, { status: "failed", error: "no such program: /nonexistent/program" })
  assert.deepEqual(body.off, { status: "disabled" })
})

test("their tools are called over standard streams and HTTP, in parallel", async () => {
  const [sum, echo, image, slow, wrong] = await call(
    ["every_get-sum", { a: 2, b: 40 }],
    ["remote_echo", { message: "hi" }],
    ["every_get-tiny-image", {}],
    ["remote_trigger-long-running-operation", { duration: 0.5, steps: 2 }],
    ["every_get-sum", { a: "x" }],
  )
  assert.equal(sum.output, "The sum of 2 and 40 is 42.")
  assert.equal(echo.output, "Echo: hi")
  assert.equal(image.attachments[0].mime, "image/png")
  assert.match(image.attachments[0].url, /^data:image\/png;base64,iVBOR/)
  assert.match(slow.output, /^Long running operation completed/)
  assert.equal(wrong.status, "error")
  assert.match(wrong.error, /MCP error -32602/)
})

test("a tool asks for permission under its name", async () => {
  const session = (await api.session({ permission: [{ permission: "every_echo", pattern: "*", action: "ask" }] })).id
  const stream = events(server.url)
  await stream.connected
  await api.promptAsync(session, 'TOOL:[["every_echo",{"message":"x"}]]')
  const { properties } = await stream.until((e) => e.type === "permission.asked")
  assert.equal(properties.permission, "every_echo")
  assert.deepEqual(properties.always, ["*"])
  assert.equal((await api.post(`/permission/${properties.id}/reply`, { reply: "reject" })).status, 200)
  await stream.until((e) => e.type === "session.idle")
  const part = (await api.messages(session)).flatMap((m) => m.parts).find((p) => p.type === "tool")
  assert.equal(part.state.status, "error")
  stream.close()
})

test("a server gets its own environment and none of ours", async () => {
  const [env, failed] = await call(["own_env", {}], ["own_fail", {}])
  const seen = JSON.parse(env.output)
  assert.equal(seen.GREETING, "hello")
  assert.equal(seen.cwd, world.directory)
  assert.equal(seen.OPENCODE_SERVER_PASSWORD, undefined)
  assert.equal(failed.status, "error")
  assert.equal(failed.error, "no luck")
})

test("an answer that does not come ends the call, not the session", async () => {
  const [waited] = await call(["own_wait", {}])
  assert.equal(waited.error, "the MCP server did not answer tools/call within 3000 ms")
})

test("a list that changes is read again", async () => {
  const stream = events(server.url)
  await stream.connected
  await call(["own_grow", {}])
  await stream.until((e) => e.type === "mcp.tools.changed" && e.properties.server === "own")
  assert.equal((await call(["own_grown", {}]))[0].output, "grown")
  stream.close()
})

test("a server that dies says why and is started again", async () => {
  const pid = Number((await call(["own_pid", {}]))[0].output)
  const [died] = await call(["own_die", {}])
  assert.equal(died.status, "error")
  assert.match(died.error, /ended with exit code 3: dying as told/)
  await eventually(async () => (await api.get("/mcp")).body.own.status === "connected" || undefined)
  const again = Number((await call(["own_pid", {}]))[0].output)
  assert.notEqual(again, pid)
  assert.ok(!alive(pid))
})

test("servers are added, ended and started over HTTP", async () => {
  const added = await api.post("/mcp", { name: "extra", config: { type: "local", command: ["node", everything, "stdio"] } })
  assert.deepEqual(added.body.extra, { status: "connected" })
  assert.equal((await call(["extra_echo", { message: "y" }]))[0].output, "Echo: y")
  assert.equal((await api.post("/mcp/extra/disconnect")).body, true)
  assert.deepEqual((await api.get("/mcp")).body.extra, { status: "disabled" })
  assert.equal((await call(["extra_echo", {}]))[0].tool, "invalid")
  assert.equal((await api.post("/mcp/extra/connect")).body, true)
  assert.deepEqual((await api.get("/mcp")).body.extra, { status: "connected" })
  assert.equal((await api.post("/mcp/nope/connect")).body._tag, "McpServerNotFoundError")
  const wrong = await api.post("/mcp", { name: "w", config: { type: "remote", url: 7 } })
  assert.equal(wrong.status, 400)
  assert.match(wrong.body.data.message, /\["url"\]/)
})

test("resources are listed with their server", async () => {
  const { body } = await api.get("/experimental/resource")
  const one = body["every:features.md"]
  assert.equal(one.client, "every")
  assert.equal(one.mimeType, "text/markdown")
})

test("a server's prompts are commands: the words after the command are its arguments", async () => {
  const commands = (await api.get("/command")).body.filter((c) => c.source === "mcp")
  const named = commands.find((c) => c.name === "every:args-prompt")
  assert.deepEqual(named.hints, ["$1", "$2"])
  const session = (await api.session()).id
  const run = (command, given) => api.post(`/session/${session}/command`, { command, arguments: given })
  assert.equal((await run("every:args-prompt", "Berlin a state")).status, 200)
  const [asked] = await api.messages(session)
  assert.equal(asked.parts[0].text, "What's weather in Berlin, a state?")
  // What a server says runs nothing and reads nothing.
  assert.equal((await run("every:args-prompt", "'!`touch ran`' @nothing")).status, 200)
  assert.ok(!existsSync(join(world.directory, "ran")))
  assert.notEqual((await run("every:none", "")).status, 200)
})

test("a resource in a prompt is read from its server", async () => {
  const listed = Object.values((await api.get("/experimental/resource")).body).find((r) => r.client === "every")
  const file = (uri) => ({ type: "file", mime: "text/plain", filename: "res", url: uri, source: { type: "resource", clientName: "every", uri, text: { value: "@res", start: 0, end: 4 } } })
  const session = (await api.session()).id
  await api.post(`/session/${session}/message`, { parts: [{ type: "text", text: "look" }, file(listed.uri), file("nope://x")] })
  const texts = (await api.messages(session))[0].parts.map((p) => p.text)
  assert.equal(texts[1], `Reading MCP resource: res (${listed.uri})`)
  assert.ok(texts[2].length > 0)
  assert.equal(texts[3], "Reading MCP resource: res (nope://x)")
  assert.match(texts[4], /^Failed to read MCP resource res: /)
})

test("a sign-in by browser connects a server that wants one", async () => {
  const started = await api.post("/mcp/guarded/auth")
  assert.equal(started.status, 200, JSON.stringify(started.body))
  const asked = new URL(started.body.authorizationUrl)
  assert.equal(asked.searchParams.get("code_challenge_method"), "S256")
  assert.equal(asked.searchParams.get("resource"), guarded.url)
  // The browser: the authorization server redirects to ours.
  const back = await fetch(asked, { redirect: "manual" })
  const landed = await fetch(back.headers.get("location"), { headers: { accept: "text/html" } })
  assert.equal(await landed.text(), "Signed in. You may close this window.\n")
  assert.deepEqual((await api.get("/mcp")).body.guarded, { status: "connected" })
  assert.equal((await call(["guarded_whoami", {}]))[0].output, "somebody with a token")
  const file = join(world.home, ".local/share/quarterdeck/mcp-auth.json")
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.ok(JSON.parse(readFileSync(file)).guarded.tokens.accessToken)
  // The same answer again belongs to no sign-in.
  assert.equal((await fetch(back.headers.get("location"))).status, 404)
})

test("a sign-in lasts over a restart, and is forgotten on request", async () => {
  await server.stop()
  server = await world.serve()
  api = client(server.url)
  assert.deepEqual((await api.get("/mcp")).body.guarded, { status: "connected" })
  assert.deepEqual((await api.delete("/mcp/guarded/auth")).body, { success: true })
  await api.post("/mcp/guarded/disconnect")
  await api.post("/mcp/guarded/connect")
  assert.deepEqual((await api.get("/mcp")).body.guarded, { status: "needs_auth" })
  assert.equal((await api.post("/mcp/every/auth")).status, 400)
})

test("no server outlives us, not even when we are killed", async () => {
  const pid = Number((await call(["own_pid", {}]))[0].output)
  assert.ok(alive(pid))
  await server.kill()
  await eventually(() => !alive(pid) || undefined)
  server = await world.serve()
  api = client(server.url)
  const next = Number((await call(["own_pid", {}]))[0].output)
  await server.stop()
  await eventually(() => !alive(next) || undefined)
})
