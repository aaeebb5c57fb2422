// How much runs at a time: limits on sessions, the queue before them, providers that say "later", budgets.
import assert from "node:assert/strict"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, test } from "node:test"
import { client, eventually, makeWorld } from "../support/server.mjs"

let world, server, api
const start = async ({ ours = {}, config = {}, env = {} } = {}) => {
  world = await makeWorld({ config })
  configure(ours)
  server = await world.serve({ env })
  api = client(server.url)
}
// The user's own file: a project gives itself no more room.
const configure = (ours) => {
  const directory = join(world.home, ".config/quarterdeck")
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, "config.json"), JSON.stringify({ quarterdeck: ours }))
}
const restart = async (how = "kill") => {
  await server[how]()
  server = await world.serve()
  api = client(server.url)
}
beforeEach(() => (world = undefined))
afterEach(() => world?.close())

const standing = async (session) => (await api.get(`/fleet/session/${session}`)).body
const until = (session, state) =>
  eventually(async () => {
    const found = await standing(session)
    return found.attention.state === state && found
  }, 60000)
const handOver = async (request, more = {}) => {
  const answer = await api.post("/fleet/handoff", { request, in_place: true, ...more })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body.sessionID
}
const bash = (command) => `TOOL:${JSON.stringify([["bash", { command, description: "d" }]])}`
const waitsFor = (file) => bash(`until [ -e ${file} ]; do sleep 0.05; done; echo $(date +%s%N) ${file} >> order.txt`)
const open = (file) => writeFileSync(join(world.directory, file), "")
const queue = async () => (await api.get("/fleet/queue")).body

test("sessions above the limit are queued with reason and position, by priority and age, also across a kill", async () => {
  await start({ ours: { limits: { sessions: { all: 1 } } } })
  const first = await handOver("SLOW:20000:40")
  await until(first, "working")
  const low = await handOver(bash("echo low >> order.txt"), { priority: "P3" })
  const usual = await handOver(bash("echo usual >> order.txt"))
  const urgent = await handOver(bash("echo urgent >> order.txt"), { priority: "P0" })
  await eventually(async () => (await queue()).waiting.length === 3, 30000)
  const order = async () => (await queue()).waiting.map((w) => w.sessionID)
  assert.deepEqual(await order(), [urgent, usual, low])
  const row = await until(low, "queued")
  assert.equal(row.attention.group, "queued")
  assert.match(row.attention.reason, /runs at most 1 sessions/)
  assert.deepEqual([row.waiting.what, row.waiting.position, row.waiting.of, row.waiting.limit], ["session", 3, 3, "server"])
  assert.equal((await api.get(`/fleet/session/${low}/digest`)).body.waiting.position, 3)
  assert.equal((await api.get("/fleet/roster?group=queued")).body.sessions.length, 3)
  await restart()
  await eventually(async () => (await queue()).waiting.length === 3, 30000)
  assert.deepEqual(await order(), [urgent, usual, low], "what ran goes on first, the rest waits as before")
  assert.equal((await api.patch(`/fleet/session/${low}`, { priority: "P1" })).status, 200)
  assert.deepEqual(await order(), [urgent, low, usual])
  assert.equal((await api.post(`/fleet/session/${first}/abort`)).status, 200)
  for (const session of [low, usual, urgent]) await until(session, "ready")
  const said = (await api.get(`/file/content?path=order.txt`)).body.content.trim().split("\n").map((l) => l.split(" ").at(-1))
  assert.deepEqual(said, ["urgent", "low", "usual"])
  assert.deepEqual([(await queue()).running, (await queue()).waiting], [0, []])
})

test("who waits for an answer lends its place out, a child needs none, and what is withdrawn leaves the queue", async () => {
  await start({ ours: { limits: { sessions: { all: 1 } } }, config: { permission: { webfetch: "ask" } } })
  const asks = await handOver('TOOL:[["webfetch",{"url":"http://127.0.0.1:1/","format":"text"}]]')
  await until(asks, "approve")
  const other = await handOver(waitsFor("two"))
  await until(other, "working")
  const third = (await api.session({ title: "third" })).id
  await api.promptAsync(third, "hello")
  await until(third, "queued")
  const waiting = (await api.get(`/fleet/session/${third}/queue`)).body.queued
  assert.equal((await api.delete(`/fleet/session/${third}/queue/${waiting[0].messageID}`)).status, 200)
  await eventually(async () => (await queue()).waiting.length === 0)
  assert.equal((await standing(third)).attention.state, "idle")
  const fourth = (await api.session({ title: "fourth" })).id
  await api.promptAsync(fourth, "hello")
  await until(fourth, "queued")
  assert.equal((await api.delete(`/session/${fourth}`)).status, 200)
  const [request] = (await api.get("/fleet/request")).body.requests
  await api.post(`/fleet/request/${request.id}/answer`, { reply: "reject" })
  await eventually(async () => (await standing(asks)).attention.group !== "needs_you")
  open("two")
  await until(other, "ready")
  const parent = await handOver('TOOL:[["task",{"description":"d","prompt":"hi","subagent_type":"general"}]]')
  await until(parent, "ready")
  await eventually(async () => (await queue()).running === 0)
})

test("limits for a project, a provider and a model hold, and a wrong one is told with its path", async () => {
  await start({ ours: { limits: { sessions: { model: { "fake/fake": 1, "*": 5 }, all: "many" } } } })
  assert.match(server.output(), /Expected an integer from 1 to 100000 at \["quarterdeck"\]\["limits"\]\["sessions"\]\["all"\]/)
  const first = await handOver(waitsFor("one"))
  const second = await handOver("hi")
  assert.match((await until(second, "queued")).attention.reason, /model fake\/fake run at most 1/)
  open("one")
  await until(second, "ready")
  await until(first, "ready")
})

test("a provider that says later is asked by one of those who wait, and then by all", async () => {
  await start({ ours: { limits: { requests: { all: 50 } } } })
  const sessions = []
  sessions.push(await handOver("ERR:429:2\nRETRYAFTER:4"))
  await eventually(async () => Object.keys((await api.get("/fleet/slots")).body.limited_until).length > 0, 30000)
  for (let i = 0; i < 5; i++) sessions.push(await handOver(`hello ${i}`))
  const seen = await eventually(async () => {
    const rows = (await api.get("/fleet/roster")).body.sessions
    return rows.find((r) => r.waiting?.what === "model" && /limits requests/.test(r.waiting.reason))
  }, 30000)
  assert.match(seen.waiting.limit, /^provider fake$/)
  for (const session of sessions) await until(session, "ready")
})

const threeSteps = Array.from({ length: 3 }, (_, i) => bash(`echo ${i} >> steps.txt`)).join("\n")

test("steps and working time are budgets too, told at 80 %, raised in the same turn, also across a kill", async () => {
  await start()
  const session = await handOver(threeSteps, { budget: { steps: 2 } })
  const paused = await until(session, "budget")
  assert.match(paused.attention.reason, /2 of 2 steps/)
  await restart()
  assert.match((await until(session, "budget")).attention.reason, /2 of 2 steps/)
  assert.equal((await api.patch(`/fleet/session/${session}`, { budget: { steps: 100 } })).status, 200)
  await until(session, "ready")
  const answers = (await api.messages(session)).filter((m) => m.info.role === "assistant")
  assert.equal(new Set(answers.map((m) => m.info.parentID)).size, 1, "one turn")

  const slow = await handOver(`${bash("sleep 2")}\n${bash("echo 1")}`, { budget: { wall_ms: 1000 }, fresh: true })
  assert.match((await until(slow, "budget")).attention.reason, /Has worked \d+ s of 1 s/)
  await api.patch(`/fleet/session/${slow}`, { budget: null })
  await until(slow, "ready")
  for (const [budget, path] of [[{ steps: -1 }, "steps"], [{ wall_ms: "x" }, "wall_ms"], [{ cost_usd: -0.1 }, "cost_usd"]]) {
    const refused = await api.patch(`/fleet/session/${slow}`, { budget })
    assert.equal(refused.status, 400)
    assert.match(JSON.stringify(refused.body), new RegExp(`budget.+${path}`))
  }
})

test("a project, who hands over and the day have budgets, set while it runs and kept", async () => {
  await start({ ours: { budgets: { principal: { bot: { steps: 4 } } } } })
  const first = await handOver(threeSteps, { principal: "bot" })
  await until(first, "ready")
  const other = await handOver("hi")
  await until(other, "ready")
  const second = await handOver(bash("echo second"), { principal: "bot" })
  const paused = await until(second, "budget")
  assert.match(paused.attention.reason, /principal bot today: Has used \d+ of 4 steps/)
  await restart()
  await until(second, "budget")
  const set = await api.call("PUT", "/fleet/budget", { kind: "principal", name: "bot", budget: { steps: 50 } })
  assert.equal(set.status, 200, JSON.stringify(set.body))
  await until(second, "ready")
  await restart("stop")
  const lines = (await api.get("/fleet/budget")).body.budgets
  assert.deepEqual(lines.map((l) => [l.kind, l.name, l.budget]), [["principal", "bot", { steps: 50 }]])
  assert.ok(lines[0].used.steps >= 5, JSON.stringify(lines))
  for (const body of [{}, { kind: "week", budget: null }, { kind: "project", budget: null }, { kind: "day", budget: { tokens: -1 } }, { kind: "day", budget: 5 }]) {
    assert.equal((await api.call("PUT", "/fleet/budget", body)).status, 400, JSON.stringify(body))
  }
})

test("a project has its own thresholds, and its stalled sessions are nudged before anybody is told", async () => {
  await start({ config: { quarterdeck: { stall: { model_silent_s: 1, nudges: 1, nudge_after_s: 6 } } } })
  const session = await handOver("FAULT:hang")
  const stalled = await until(session, "stalled")
  assert.equal(stalled.attention.stall, "model_silent")
  await eventually(async () => (await standing(session)).attention.next?.action === "is nudged (1 of 1)", 30000)
  assert.equal((await standing(session)).attention.group, "with_supervisor")
  await until(session, "ready")
  const prompts = (await api.messages(session)).filter((m) => m.info.role === "user")
  assert.match(prompts.at(-1).parts[0].text, /not made visible progress/)
})
