// OpenClaw itself opens and supervises a session through /mcp, with the skill and the configuration that we ship. It takes
// 700 MB and minutes, so it is asked for: OPENCLAW_DIR is a directory in which `npm i openclaw@2026.9.6` was run, by a
// Node of at least 22.
//   OPENCLAW_DIR=/tmp/openclaw node --test tests/agents/openclaw.test.mjs
import assert from "node:assert/strict"
import { execFile, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { once } from "node:events"
import { dirname, join } from "node:path"
import { test } from "node:test"
import { promisify } from "node:util"
import { client, eventually, makeWorld } from "../support/server.mjs"
import { node22 } from "./node22.mjs"

const run = promisify(execFile)
const installed = process.env.OPENCLAW_DIR
const contrib = join(import.meta.dirname, "../../contrib/openclaw")

// What a model that has read the skill would do next, from the newest tool result.
function next(messages) {
  const results = messages.filter((each) => each.role === "tool").map((each) => text(each.content))
  const newest = results.at(-1) ?? ""
  const found = (pattern) => results.map((each) => each.match(pattern)?.[1]).findLast(Boolean)
  const session = found(/"sessionID":\s*"(ses_\w+)"/)
  const call = (name, args) => ({ name: `quarterdeck__${name}`, arguments: JSON.stringify(args) })
  if (!results.length) {
    const request = `TOOL:${JSON.stringify([["bash", { command: "echo fixed > fixed.txt" }]])}`
    return call("session_open", { request, idempotency_key: "ticket-1", title: "From OpenClaw", owner: "openclaw" })
  }
  if (/"answered":\s*true|"created":/.test(newest)) return call("session_wait", { sessions: [session] })
  if (/"state":\s*"approve"/.test(newest)) return call("request_list", { session })
  if (/"hash":/.test(newest)) {
    return call("request_reply", { request: found(/"id":\s*"(per_\w+)"/), hash: found(/"hash":\s*"(\w+)"/), reply: "once" })
  }
  if (/"accepted_at":/.test(newest)) return { say: `Accepted ${session}` }
  if (/"state":\s*"ready"/.test(newest) && /"changes":/.test(newest)) return call("session_digest", { session })
  if (/"state":\s*"ready"/.test(newest)) return call("session_accept", { session })
  return call("session_wait", { sessions: [session], after: Number(found(/"cursor":\s*(\d+)/) ?? 0), timeout_ms: 5000 })
}
const text = (content) => (typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("\n"))

async function startModel(seen) {
  const server = createServer(async (request, response) => {
    let body = ""
    for await (const bytes of request) body += bytes
    const asked = JSON.parse(body || "{}")
    if (asked.messages) seen.push(asked)
    const step = next(asked.messages ?? [])
    response.writeHead(200, { "content-type": "text/event-stream" })
    const send = (delta, finish = null) =>
      response.write(`data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "fake", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`)
    if (step.say) send({ role: "assistant", content: step.say })
    else send({ role: "assistant", tool_calls: [{ index: 0, id: `call_${seen.length}`, type: "function", function: step }] })
    send({}, step.say ? "stop" : "tool_calls")
    response.end("data: [DONE]\n\n")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return server
}

// A world with OpenClaw in it, configured as we document, and what else a test wants.
async function withOpenClaw(more, test) {
  const world = await makeWorld({ config: { permission: { bash: "ask" } } })
  const seen = []
  const model = await startModel(seen)
  try {
    const server = await world.serve()
    const workspace = join(world.root, "workspace")
    mkdirSync(join(workspace, "skills"), { recursive: true })
    cpSync(join(contrib, "coding-sessions"), join(workspace, "skills/coding-sessions"), { recursive: true })
    // The snippet that we document, with this server's address.
    const plain = readFileSync(join(contrib, "openclaw.json5"), "utf8").replace("http://127.0.0.1:4096", server.url)
    const shipped = new Function(`return (${plain.slice(plain.indexOf("{"))})`)()
    const config = join(world.root, "openclaw.json")
    const fake = { baseUrl: `http://127.0.0.1:${model.address().port}/v1`, apiKey: "sk-fake", api: "openai-completions", models: [{ id: "fake", name: "Fake", contextWindow: 128000, maxTokens: 4096 }] }
    writeFileSync(config, JSON.stringify({ ...shipped, ...more, agents: { defaults: { workspace, model: { primary: "fake/fake" } } }, models: { mode: "merge", providers: { fake } } }))
    const env = {
      PATH: `${dirname(node22())}:${process.env.PATH}`,
      HOME: world.home,
      OPENCLAW_CONFIG_PATH: config,
      OPENCLAW_STATE_DIR: join(world.root, "state"),
    }
    const program = join(installed, "node_modules/openclaw/openclaw.mjs")
    const openclaw = (...args) => run(node22(), [program, ...args], { env, cwd: workspace, maxBuffer: 1 << 26 })
    const start = (...args) => spawn(node22(), [program, ...args], { env, cwd: workspace, stdio: ["ignore", "pipe", "pipe"], detached: true })
    assert.match((await openclaw("config", "validate")).stdout, /valid/)
    await test({ world, server, api: client(server.url), seen, workspace, config, openclaw, start })
  } finally {
    model.close()
    await world.close()
  }
}
async function wasAccepted(api) {
  const { sessions } = (await api.get("/fleet/roster")).body
  assert.equal(sessions.length, 1)
  assert.equal(sessions[0].owner, "openclaw")
  assert.ok(sessions[0].accepted_at, "it was accepted")
  assert.ok(readFileSync(join(sessions[0].directory, "fixed.txt"), "utf8").startsWith("fixed"))
}
const when = { skip: installed ? false : "OPENCLAW_DIR is not set", timeout: 900_000 }

test("OpenClaw opens a session, answers it, reads its digest and accepts it", when, () =>
  withOpenClaw({}, async ({ api, seen, workspace, config, openclaw }) => {
    assert.match((await openclaw("mcp", "doctor", "quarterdeck", "--probe")).stdout, /quarterdeck: ok/)
    const done = await openclaw("agent", "exec", "Have fixed.txt made by a coding session", "--config", config, "--json", "--cwd", workspace)
    const report = JSON.parse(done.stdout.slice(done.stdout.indexOf("{")))
    assert.equal(report.ok, true, done.stdout)
    assert.match(report.final, /^Accepted ses_/)
    assert.ok(JSON.stringify(seen[0].messages[0]).includes("coding-sessions"), "the skill is in the prompt")
    await wasAccepted(api)
  }))

test("OpenClaw's gateway, asked through a hook, does the same, and is woken by our webhook", when, () => {
  const token = randomBytes(24).toString("hex")
  const more = {
    gateway: { mode: "local", bind: "loopback", auth: { mode: "token", token: randomBytes(24).toString("hex") } },
    hooks: { enabled: true, token, path: "/hooks", allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["hook:"] },
  }
  return withOpenClaw(more, async ({ api, seen, start }) => {
    const free = createServer().listen(0, "127.0.0.1")
    await once(free, "listening")
    const { port } = free.address()
    await new Promise((closed) => free.close(closed))
    const gateway = start("gateway", "run", "--port", String(port))
    let said = ""
    for (const stream of [gateway.stdout, gateway.stderr]) stream.on("data", (bytes) => (said += bytes))
    const ended = once(gateway, "exit")
    try {
      const base = `http://127.0.0.1:${port}`
      await eventually(async () => {
        if (gateway.exitCode !== null) throw new Error(`the gateway ended:\n${said}`)
        return (await fetch(`${base}/startupz`).catch(() => ({}))).ok
      }, 240_000)
      const hook = await api.post("/fleet/webhooks", { id: "claw", kind: "openclaw", url: `${base}/hooks/wake`, token, session_key: "hook:fleet", events: ["ready_for_review"] })
      assert.equal(hook.status, 200, JSON.stringify(hook.body))
      // Admission may time out on a cold gateway; the same key makes it one run.
      await eventually(async () => {
        const answer = await fetch(`${base}/hooks/agent`, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": "ticket-1" },
          body: JSON.stringify({ message: "Have fixed.txt made by a coding session", name: "ticket", sessionKey: "hook:fleet", deliver: false }),
        })
        assert.ok([200, 503].includes(answer.status), `${answer.status} ${await answer.text()}`)
        return answer.ok
      }, 240_000)
      await eventually(async () => (await api.get("/fleet/roster")).body.sessions[0]?.accepted_at, 300_000)
      await wasAccepted(api)
      assert.ok(JSON.stringify(seen[0].messages).includes("coding-sessions"), "the skill is in the prompt")
      const woken = await eventually(async () => (await api.get("/fleet/webhooks/claw/deliveries")).body.deliveries.find((each) => each.status === 200), 120_000)
      assert.ok(woken)
      const { sessionID } = (await api.get("/fleet/roster")).body.sessions[0]
      const hears = (each) => each.messages.some((message) => message.role === "user" && /Ended its work/.test(text(message.content)) && text(message.content).includes(sessionID))
      await eventually(() => seen.some(hears), 180_000)
    } catch (error) {
      throw new Error(`${error.message}\n${said.slice(-4000)}`, { cause: error })
    } finally {
      // Asked to end it waits minutes for what its agent does; with its children, which are of its group.
      process.kill(-gateway.pid, "SIGKILL")
      await ended
    }
  })
})
