// Why sessions make no progress: faults put into a real server, all at once, beside healthy sessions that look like them.
//   QD_STALL_FULL=1                 with the thresholds that a server has (otherwise 4 s)
//   QD_QUIET_S=2400                 how long the healthy ones are watched; a build that is quiet for 40 minutes
import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, test } from "node:test"
import { setTimeout as delay } from "node:timers/promises"
import { startGate } from "../support/gate.mjs"
import { client, eventually, makeWorld } from "../support/server.mjs"

const full = process.env.QD_STALL_FULL === "1"
const quiet_s = Number(process.env.QD_QUIET_S ?? 25)
const thresholds = full ? {} : { QUARTERDECK_STALL_TOOL_MS: "4000", QUARTERDECK_STALL_MODEL_MS: "4000" }

let world, server, api, closing
beforeEach(() => {
  world = undefined
  closing = []
})
afterEach(async () => {
  for (const each of closing) each.close()
  await world?.close()
})
const model = { name: "Fake", tool_call: true, limit: { context: 200000, output: 8000 } }
const provider = (url) => ({ name: "P", npm: "@ai-sdk/openai-compatible", options: { baseURL: `${url}/v1`, apiKey: "key" }, models: { fake: model } })
const project = (settings) =>
  writeFileSync(join(world.directory, "opencode.json"), JSON.stringify({ model: "fake/fake", small_model: "fake/fake", share: "disabled", ...settings }))
const handOver = async (request, more = {}) => {
  const answer = await api.post("/fleet/handoff", { request, title: "t", in_place: true, fresh: true, ...more })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body.sessionID
}
const standing = async (session) => (await api.get(`/fleet/session/${session}`)).body
const call = (name, args) => `TOOL:${JSON.stringify([[name, args]])}`
const bash = (command) => call("bash", { command, description: "d", timeout: 3_600_000 })
const by = (providerID) => ({ model: { providerID, modelID: "fake" } })
const task = (prompt) => call("task", { description: "d", prompt, subagent_type: "general" })
const fetched = call("webfetch", { url: "http://127.0.0.1:9/", format: "text" })
const asked = call("question", { questions: [{ question: "Which?", header: "W", options: [{ label: "Left", description: "" }, { label: "Right", description: "" }] }] })
const steps = Array.from({ length: 3 }, (_, i) => bash(`echo ${i}`)).join("\n")

// What each session is called when it first needs somebody, or waits.
const faults = {
  "a model that never begins": ["model_silent", "FAULT:hang"],
  "a model that stops in the middle": ["model_silent", "FAULT:hang-mid"],
  "a command that waits for what never comes": ["tool_hung", bash("mkfifo p.$$; read line < p.$$")],
  "a tool of an MCP server without an answer": ["tool_hung", call("odd_wait", {})],
  "a permission": ["approve", fetched],
  "a question": ["answer", asked],
  "a long rate limit": ["rate_limit", "ERR:429\nRETRYAFTER:120", by("limited")],
  "a provider that cannot be reached": ["provider_failing", "hello", by("down")],
  "a budget that is used up": ["budget", steps, { budget: { tokens: 1 } }],
  "a child whose model is silent": ["model_silent", task("FAULT:hang")],
  "a child that needs a permission": ["approve", task(fetched)],
  "a loop without progress": ["failed", "FAULT:loop-tool"],
  "a key that is refused": ["login", "ERR:401", by("strange")],
  "no place to work": ["queued", "hello", by("narrow")],
}
const lasts = quiet_s + 5
const work = "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done"
const healthy = {
  "a build that uses the CPU now and then, and says nothing": bash(`mkfifo b.$$; exec 3<>b.$$; end=$((SECONDS+${lasts})); while [ $SECONDS -lt $end ]; do ${work}; read -t ${full ? 10 : 1} -u 3; done; true`),
  "a sleep": bash(`sleep ${lasts}`),
  "a task whose child works": task(bash(`sleep ${lasts}`)),
  "a model that speaks slowly": `SLOW:${lasts}:1000`,
  "a short rate limit": ["ERR:429:1\nRETRYAFTER:2", by("shy")],
  "work that ends": steps,
}

test("every fault is called by its name within a minute, and what is healthy raises no alarm", { timeout: (quiet_s + 200) * 1000 }, async () => {
  world = await makeWorld()
  project({
    provider: Object.fromEntries(["fake", "limited", "strange", "narrow", "shy", "down"].map((id) => [id, provider(id === "down" ? "http://127.0.0.1:9" : world.modelURL)])),
    permission: { webfetch: "ask", question: "allow" },
  })
  // The user's own file: it needs no trust.
  const odd = { type: "local", command: ["node", join(import.meta.dirname, "../support/mcp_server.mjs"), "stdio"], timeout: 600_000 }
  mkdirSync(join(world.home, ".config/opencode"), { recursive: true })
  writeFileSync(join(world.home, ".config/opencode/opencode.json"), JSON.stringify({ mcp: { odd } }))
  mkdirSync(join(world.home, ".config/quarterdeck"), { recursive: true })
  writeFileSync(join(world.home, ".config/quarterdeck/config.json"), JSON.stringify({ quarterdeck: { limits: { sessions: { model: { "narrow/fake": 1 } } } } }))
  server = await world.serve({ env: thresholds })
  api = client(server.url)
  await eventually(async () => (await api.get("/mcp")).body.odd?.status === "connected", 60_000)
  const occupies = await handOver(`SLOW:${quiet_s + 120}:1000`, by("narrow"))
  const began = {}
  const open = async (name, request, more) => {
    const id = await handOver(request, more)
    began[id] = { name, at: Date.now(), labels: [] }
  }
  for (const [name, [, request, more]] of Object.entries(faults)) await open(name, request, more)
  for (const [name, given] of Object.entries(healthy)) await open(name, ...[given].flat())
  const label = ({ group, state, stall, reason }) => {
    if (["needs_you", "with_supervisor"].includes(group)) return stall ?? state
    return group === "queued" && /at most/.test(reason) ? "queued" : undefined
  }
  const looks = async () => {
    for (const row of (await api.get("/fleet/roster?limit=100")).body.sessions) {
      const found = began[row.sessionID]
      const seen = label(row.attention)
      if (found && seen && found.labels.at(-1)?.seen !== seen) found.labels.push({ seen, ms: Date.now() - found.at, ...row.attention })
    }
  }
  const end = Date.now() + quiet_s * 1000
  await eventually(async () => {
    await looks()
    await delay(200)
    const missing = Object.values(began).filter((each) => each.name in faults && !each.labels.length)
    return (missing.length === 0 || Date.now() > end + 90_000) && Date.now() > end
  }, (quiet_s + 120) * 1000)
  const of = (name) => Object.values(began).find((each) => each.name === name)
  for (const [name, [wanted]] of Object.entries(faults)) {
    const first = of(name).labels[0]
    console.log(`${name}: ${first?.seen} after ${((first?.ms ?? 0) / 1000).toFixed(1)} s`)
    assert.equal(first?.seen, wanted, `${name}: ${JSON.stringify(of(name).labels)}`)
    assert.ok(first.ms <= 60_000, `${name}: after ${first.ms} ms`)
    assert.ok(first.reason && (first.evidence?.length || wanted === "queued" || wanted === "budget"), JSON.stringify(first))
  }
  assert.match(of("a loop without progress").labels[0].reason, /same|circle|progress/i)
  for (const name of Object.keys(healthy)) assert.deepEqual(of(name).labels, [], name)
  const ids = Object.keys(began).filter((id) => began[id].name in healthy)
  for (const id of ids) await eventually(async () => (await standing(id)).attention.state === "ready", 60000)
  for (const id of [...Object.keys(began).filter((id) => began[id].name in faults), occupies]) await api.post(`/fleet/session/${id}/abort`)
})

test("a session that makes no progress is nudged, then its supervisor is told, then a person", { timeout: 200_000 }, async () => {
  world = await makeWorld()
  const gate = await startGate(world.modelURL)
  closing.push(gate)
  project({ provider: { fake: provider(gate.url) }, quarterdeck: { stall: { model_silent_s: 2, nudges: 1, nudge_after_s: 2 } } })
  server = await world.serve()
  api = client(server.url)
  const told = []
  const hook = createServer(async (request, response) => {
    let body = ""
    for await (const bytes of request) body += bytes
    told.push(JSON.parse(body).data.attention)
    response.end()
  })
  await new Promise((listening) => hook.listen(0, "127.0.0.1", listening))
  closing.push({ close: () => (hook.closeAllConnections(), hook.close()) })
  const added = await api.post("/fleet/webhooks", { id: "told", secret: `whsec_${randomBytes(32).toString("base64")}`, url: `http://127.0.0.1:${hook.address().port}/`, events: ["needs_you", "with_supervisor"] })
  assert.equal(added.status, 200, JSON.stringify(added.body))
  // The gate lets nothing through: neither the request nor the nudge is answered.
  const session = await handOver("hello", { priority: "P0", owner: "sup-1" })
  const stalled = async (check) => eventually(async () => {
    const { attention } = await standing(session)
    return attention.state === "stalled" && check(attention) && attention
  }, 90_000)
  const first = await stalled((now) => /is nudged \(1 of 1\)/.test(now.next?.action))
  assert.deepEqual([first.group, first.stall], ["with_supervisor", "model_silent"])
  const second = await stalled((now) => /goes from sup-1 to a person/.test(now.next?.action))
  assert.equal(second.group, "with_supervisor")
  const prompts = (await api.messages(session)).filter((m) => m.info.role === "user").map((m) => m.parts[0].text)
  assert.equal(prompts.length, 2)
  assert.match(prompts[1], /not made visible progress/)
  assert.equal(second.next.at, second.since + 60_000)
  if (!full) return api.post(`/session/${session}/abort`)
  // Meanwhile the engine asks the model again: that is no progress.
  const third = await stalled((now) => now.group === "needs_you")
  assert.equal(third.since, second.since)
  await eventually(() => told.some((each) => each.group === "needs_you"), 60_000)
  assert.deepEqual(told.map((each) => each.state), told.map(() => "stalled"))
  assert.equal(told.findIndex((each) => each.group === "needs_you"), told.length - 1, "the person comes last")
  assert.ok(told.length >= 2, "the supervisor was told before")
  await api.post(`/session/${session}/abort`)
})

test("a session whose worker ends with a failed write is worked on again by itself, without an alarm", async (t) => {
  world = await makeWorld()
  server = await world.serve({ env: { QUARTERDECK_FAILPOINT: "store.commit.before:25:error" } })
  api = client(server.url)
  const session = await handOver(Array.from({ length: 12 }, (_, i) => bash(`echo ${i}; sleep 0.2`)).join("\n"))
  const groups = new Set()
  await eventually(async () => {
    const { attention } = await standing(session)
    groups.add(attention.group)
    return attention.state === "ready"
  }, 60_000)
  if (!/failpoint store.commit.before: error/.test(server.output())) return t.skip("this build has no failpoints")
  assert.match(server.output(), /events could not be stored/)
  groups.delete("queued")
  groups.delete("ready_for_review")
  assert.deepEqual([...groups], ["working"])
})
