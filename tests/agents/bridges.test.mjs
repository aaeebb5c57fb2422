// `quarterdeck mcp` and `quarterdeck acp`: the protocols on the standard streams, with the clients that agents use.
import assert from "node:assert/strict"
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"
import { after, before, test } from "node:test"
import { promisify } from "node:util"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { client as http, eventually, makeWorld } from "../support/server.mjs"
import { node22 } from "./node22.mjs"

const bin = resolve(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
const acpx = join(import.meta.dirname, "node_modules/acpx/dist/cli.js")
const run = promisify(execFile)

let world, server, api
before(async () => {
  world = await makeWorld({ config: { permission: { bash: "ask" } } })
  server = await world.serve()
  api = http(server.url)
})
after(() => world?.close())

const tools = (...calls) => `TOOL:${JSON.stringify(calls)}`
const bash = (command) => tools(["bash", { command, description: "runs it" }])

// An agent on standard streams. `next(predicate)` takes messages in order and gives the first that fits.
function agent() {
  const child = spawn(bin, ["acp", "--attach", server.url], { env: world.env, stdio: ["pipe", "pipe", "inherit"] })
  const seen = []
  const waiting = new Set()
  createInterface({ input: child.stdout }).on("line", (line) => {
    seen.push(JSON.parse(line))
    for (const check of [...waiting]) check()
  })
  const until = (predicate, from = 0) =>
    new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`not said: ${predicate}\n${seen.map((m) => JSON.stringify(m)).join("\n")}`)), 40000)
      const check = () => {
        const found = seen.slice(from).find(predicate)
        if (!found) return
        clearTimeout(timer)
        waiting.delete(check)
        done(found)
      }
      waiting.add(check)
      check()
    })
  let id = 100
  const send = (message) => child.stdin.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n")
  const call = async (method, params) => {
    const mine = ++id
    send({ id: mine, method, params })
    const answer = await until((m) => m.id === mine && !m.method)
    if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code })
    return answer.result
  }
  const updates = (kind) => seen.filter((m) => m.params?.update?.sessionUpdate === kind).map((m) => m.params.update)
  return {
    seen,
    until,
    send,
    call,
    updates,
    async begin() {
      await call("initialize", { protocolVersion: 1, clientCapabilities: {} })
      return call("session/new", { cwd: world.directory, mcpServers: [] })
    },
    // Answers what is asked next with this option.
    async choose(option) {
      const asked = await until((m) => m.method === "session/request_permission" && !m.done)
      asked.done = true
      send({ id: asked.id, result: { outcome: option ? { outcome: "selected", optionId: option } : { outcome: "cancelled" } } })
      return asked.params
    },
    async close() {
      const ended = once(child, "exit")
      child.stdin.end()
      assert.equal((await ended)[0], 0)
    },
  }
}
const said = (updates) => updates.map((each) => each.content.text).join("")

test("MCP: tools over standard streams, also after the server was started again", async () => {
  const mcp = new Client({ name: "bridged", version: "1" })
  await mcp.connect(new StdioClientTransport({ command: bin, args: ["mcp", "--attach", server.url], env: world.env }))
  assert.equal(mcp.getServerVersion().name, "quarterdeck")
  const opening = { name: "session_open", arguments: { request: "say hello", idempotency_key: "bridge" } }
  const opened = (await mcp.callTool(opening)).structuredContent
  await server.kill()
  await assert.rejects(mcp.callTool(opening), /no server at/)
  const port = Number(new URL(server.url).port)
  server = await world.serve({ port })
  const again = (await mcp.callTool(opening)).structuredContent
  assert.deepEqual([again.sessionID, again.created], [opened.sessionID, false])
  api = http(server.url)
  const quiet = (await api.session({ title: "quiet" })).id
  const { cursor } = (await mcp.callTool({ name: "session_wait", arguments: {} })).structuredContent
  const progress = []
  await mcp.callTool({ name: "session_wait", arguments: { sessions: [quiet], after: cursor, timeout_ms: 4000 } }, undefined, { onprogress: (p) => progress.push(p.progress) })
  assert.equal(progress[0], 1)
  await mcp.close()
})

test("without a server both say so, and how to start one", async () => {
  for (const command of ["mcp", "acp"]) {
    const failed = await run(bin, [command, "--attach", "http://127.0.0.1:9"], { env: world.env }).catch((error) => error)
    assert.equal(failed.code, 3)
    assert.equal(failed.stdout, "")
    assert.match(failed.stderr, /no server at .*\n.*quarterdeck serve/)
  }
})

test("ACP: acpx gives a task, allows what is asked, and sees thoughts, calls, plan and answer", async () => {
  const todo = ["todowrite", { todos: [{ content: "one", status: "in_progress", priority: "high" }] }]
  const task = `PRE\nREASON\n${tools(["bash", { command: "echo out", description: "d" }], todo)}`
  const args = [acpx, "--agent", `${bin} acp --attach ${server.url}`, "--cwd", world.directory, "--format", "json", "--approve-all", "exec", task]
  const { stdout } = await run(node22(), args, { env: world.env, cwd: world.directory, timeout: 120000 })
  const seen = stdout.trim().split("\n").map((line) => JSON.parse(line))
  const updates = seen.map((m) => m.params?.update).filter(Boolean)
  const of = (kind) => updates.filter((each) => each.sessionUpdate === kind)
  assert.equal(said(of("agent_message_chunk")), "I will call a tool. Done.")
  assert.match(said(of("agent_thought_chunk")), /^think0 /)
  assert.deepEqual(of("tool_call").map((each) => [each.title, each.kind]), [["bash", "execute"], ["todowrite", "other"]])
  const ended = of("tool_call_update").filter((each) => each.status === "completed")
  assert.deepEqual(ended.find((each) => each.toolCallId === of("tool_call")[0].toolCallId).rawOutput, { output: "out\n" })
  assert.deepEqual(of("plan")[0].entries, [{ content: "one", status: "in_progress", priority: "high" }])
  assert.equal(seen.filter((m) => m.method === "session/request_permission").length, 1)
  assert.equal(seen.at(-1).result.stopReason, "end_turn")
})

test("ACP: what is rejected fails its call, and the turn goes on", async () => {
  const editor = agent()
  const { sessionId } = await editor.begin()
  const turn = editor.call("session/prompt", { sessionId, prompt: [{ type: "text", text: bash("echo no") }] })
  const asked = await editor.choose("reject")
  assert.deepEqual(asked.options.map((each) => each.kind), ["allow_once", "allow_always", "reject_once"])
  assert.equal((await turn).stopReason, "end_turn")
  assert.equal(editor.updates("tool_call_update").at(-1).status, "failed")
  await editor.close()
})

test("ACP: a question is a choice", async () => {
  const editor = agent()
  const { sessionId } = await editor.begin()
  const questions = [{ question: "Which?", header: "W", options: [{ label: "Left", description: "" }, { label: "Right", description: "" }] }]
  const turn = editor.call("session/prompt", { sessionId, prompt: [{ type: "text", text: tools(["question", { questions }]) }] })
  assert.equal((await editor.choose("Right")).toolCall.title, "Which?")
  assert.equal((await turn).stopReason, "end_turn")
  assert.match(JSON.stringify(editor.updates("tool_call_update").at(-1)), /Right/)
  await editor.close()
})

test("ACP: a turn is cancelled while it runs and while it asks", async () => {
  const editor = agent()
  const { sessionId } = await editor.begin()
  let turn = editor.call("session/prompt", { sessionId, prompt: [{ type: "text", text: "SLOW:500:100" }] })
  await editor.until((m) => m.params?.update?.sessionUpdate === "agent_message_chunk")
  await assert.rejects(editor.call("session/prompt", { sessionId, prompt: [{ type: "text", text: "x" }] }), { code: -32602 })
  editor.send({ method: "session/cancel", params: { sessionId } })
  assert.equal((await turn).stopReason, "cancelled")
  turn = editor.call("session/prompt", { sessionId, prompt: [{ type: "text", text: bash("echo x") }] })
  await editor.until((m) => m.method === "session/request_permission")
  editor.send({ method: "session/cancel", params: { sessionId } })
  await editor.choose(null)
  assert.equal((await turn).stopReason, "cancelled")
  await editor.close()
})

test("ACP: a session is found, loaded with its history, and goes on; modes choose the agent", async () => {
  const editor = agent()
  const { sessionId, modes } = await editor.begin()
  assert.deepEqual([modes.currentModeId, modes.availableModes.map((each) => each.id)], ["build", ["build", "plan"]])
  await editor.call("session/prompt", { sessionId, prompt: [{ type: "text", text: "first words" }] })
  await editor.close()

  const later = agent()
  await later.call("initialize", { protocolVersion: 1, clientCapabilities: {} })
  const { sessions } = await later.call("session/list", { cwd: world.directory })
  assert.ok(sessions.some((each) => each.sessionId === sessionId && each.cwd === world.directory))
  await later.call("session/load", { sessionId, cwd: world.directory, mcpServers: [] })
  assert.equal(said(later.updates("user_message_chunk")), "first words")
  assert.notEqual(said(later.updates("agent_message_chunk")), "")
  await later.call("session/set_mode", { sessionId, modeId: "plan" })
  const { configOptions } = await later.call("session/set_config_option", { sessionId, configId: "model", value: "fake/fake" })
  assert.deepEqual(configOptions.map((each) => [each.id, each.currentValue]), [["model", "fake/fake"], ["mode", "plan"]])
  await later.call("session/prompt", { sessionId, prompt: [{ type: "text", text: "second" }, { type: "resource", resource: { uri: "file:///notes.txt", mimeType: "text/plain", text: "noted" } }] })
  const answers = (await api.messages(sessionId)).filter((m) => m.info.role === "assistant")
  assert.equal(answers.at(-1).info.agent, "plan")
  await later.close()
})

test("ACP: the server is started again under a turn, which goes on to its end", async () => {
  const editor = agent()
  const { sessionId } = await editor.begin()
  const turn = editor.call("session/prompt", { sessionId, prompt: [{ type: "text", text: bash("echo again") }] })
  await editor.until((m) => m.method === "session/request_permission")
  const port = Number(new URL(server.url).port)
  await server.kill()
  server = await world.serve({ port })
  api = http(server.url)
  // The question outlived the server; so does its answer.
  await eventually(async () => (await api.get("/fleet/request")).body.requests?.some((each) => each.sessionID === sessionId), 30000)
  await editor.choose("once")
  assert.equal((await turn).stopReason, "end_turn")
  await editor.close()
})

test("ACP: slash commands are told of, and run; what is no command is said to the agent", async () => {
  const commands = join(world.directory, ".opencode/commands")
  mkdirSync(commands, { recursive: true })
  writeFileSync(join(commands, "greet.md"), "---\ndescription: Greets somebody\n---\nWORDS:3 for $1 and $2, all: $ARGUMENTS")
  await server.stop()
  server = await world.serve({ port: Number(new URL(server.url).port) })
  const editor = agent()
  const { sessionId } = await editor.begin()
  const told = await editor.until((m) => m.params?.update?.sessionUpdate === "available_commands_update")
  assert.ok(editor.seen.indexOf(told) > editor.seen.findIndex((m) => m.result?.sessionId === sessionId), "after the session is known")
  const greet = told.params.update.availableCommands.find((each) => each.name === "greet")
  assert.deepEqual([greet.description, typeof greet.input.hint], ["Greets somebody", "string"])
  assert.ok(told.params.update.availableCommands.some((each) => each.name === "init"))
  const turn = await editor.call("session/prompt", { sessionId, prompt: [{ type: "text", text: "/greet Ada  Grace" }] })
  assert.equal(turn.stopReason, "end_turn")
  const words = () => api.messages(sessionId).then((all) => all.filter((m) => m.info.role === "user").map((m) => m.parts[0].text))
  assert.match((await words()).at(-1), /^WORDS:3 for Ada and Grace, all: Ada\s+Grace$/)
  assert.notEqual(said(editor.updates("agent_message_chunk")), "")
  assert.equal((await editor.call("session/prompt", { sessionId, prompt: [{ type: "text", text: "/etc/hosts is a file" }] })).stopReason, "end_turn")
  assert.equal((await words()).at(-1), "/etc/hosts is a file")
  await editor.close()
  const args = [acpx, "--agent", `${bin} acp --attach ${server.url}`, "--cwd", world.directory, "--format", "json", "--approve-all", "exec", "/greet Joan Radia"]
  const { stdout } = await run(node22(), args, { env: world.env, cwd: world.directory, timeout: 120000 })
  const seen = stdout.trim().split("\n").map((line) => JSON.parse(line))
  assert.ok(seen.some((m) => m.params?.update?.availableCommands?.some((each) => each.name === "greet")))
  assert.equal(seen.at(-1).result.stopReason, "end_turn")
})

test("ACP: what is wrong is said with its code", async () => {
  const editor = agent()
  await assert.rejects(editor.call("no/such", {}), { code: -32601 })
  await assert.rejects(editor.call("session/new", { cwd: "relative", mcpServers: [] }), { code: -32602 })
  await assert.rejects(editor.call("session/prompt", { sessionId: "ses_none", prompt: [{ type: "text", text: "x" }] }), { code: -32602 })
  await assert.rejects(editor.call("session/load", { sessionId: "ses_none", cwd: world.directory, mcpServers: [] }), { code: -32602 })
  const { sessionId } = await editor.begin()
  await assert.rejects(editor.call("session/prompt", { sessionId, prompt: [] }), { code: -32602 })
  await assert.rejects(editor.call("session/prompt", { sessionId, prompt: [{ type: "audio", data: "" }] }), { code: -32602 })
  await assert.rejects(editor.call("session/prompt", { sessionId, prompt: [{ type: "text", text: "ERR:400" }] }), { code: -32603 })
  await editor.close()
})
