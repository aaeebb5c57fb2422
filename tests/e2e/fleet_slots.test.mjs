// Many sessions, few slots: who asks the model next. The model is behind a gate, so a slot gets free when the test says.
//   QD_SLOTS=4 QD_SESSIONS=50 QD_RUNS=100 node --test tests/e2e/fleet_slots.test.mjs
import assert from "node:assert/strict"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, test } from "node:test"
import { startGate } from "../support/gate.mjs"
import { client, eventually, makeWorld } from "../support/server.mjs"

const slots = Number(process.env.QD_SLOTS ?? 4)
const sessions = Number(process.env.QD_SESSIONS ?? 12)
const runs = Number(process.env.QD_RUNS ?? 10)
// Enough for all runs, and no end in sight meanwhile.
const steps = 4 + Math.ceil((runs * 6) / sessions)

let world, gate
beforeEach(() => (world = gate = undefined))
afterEach(async () => {
  gate?.close()
  await world?.close()
})

test("a new P0 has its first model call at the next free slot, run after run, and P3 work under P1 work progresses", async () => {
  world = await makeWorld()
  gate = await startGate(world.modelURL)
  const models = { fake: { name: "Fake", tool_call: true, limit: { context: 2000000, output: 8000 } } }
  const fake = { name: "Fake", npm: "@ai-sdk/openai-compatible", options: { baseURL: `${gate.url}/v1`, apiKey: "key" }, models }
  writeFileSync(join(world.directory, "opencode.json"), JSON.stringify({ model: "fake/fake", small_model: "fake/fake", provider: { fake } }))
  // So that levels of waiting come within the test.
  mkdirSync(join(world.home, ".config/quarterdeck"), { recursive: true })
  writeFileSync(join(world.home, ".config/quarterdeck/config.json"), JSON.stringify({ quarterdeck: { limits: { requests: { all: slots, age_s: 1 } } } }))
  const server = await world.serve()
  const api = client(server.url)
  const handOver = async (name, request, priority) => {
    const answer = await api.post("/fleet/handoff", { request: `${name};\n${request}`, title: name, in_place: true, priority })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body.sessionID
  }
  const busy = Array.from({ length: steps }, (_, i) => `TOOL:${JSON.stringify([["bash", { command: `echo ${i}`, description: "d" }]])}`).join("\n")
  const low = {}
  for (let i = 0; i < sessions; i++) {
    const priority = i % 5 === 4 ? "P1" : "P3"
    low[`${priority} number ${i};`] = await handOver(`${priority} number ${i}`, busy, priority)
  }
  const waits = async () => (await api.get("/fleet/slots")).body.waiting.map((each) => each.sessionID)
  // As well as can be: it does not depend on time, so every run counts.
  let first = 0
  for (let run = 0; run < runs; run++) {
    // All that run wait at the gate: no slot gets free by itself.
    await eventually(async () => gate.waiting().length === slots && (await waits()).length > 0, 60000)
    const urgent = await handOver(`urgent ${run}`, "hello", "P0")
    await eventually(async () => (await waits()).includes(urgent), 60000)
    const before = gate.arrivals.length
    gate.waiting()[run % slots].release()
    const next = await gate.next(before)
    if (next.text.startsWith(`urgent ${run};`)) first++
    else gate.arrivals.find((each) => each.text.startsWith(`urgent ${run};`))?.release()
    next.release()
    for (let more = run % 4; more > 0; more--) gate.waiting()[more % slots]?.release()
  }
  assert.ok(gate.most() <= slots, `${gate.most()} requests at a time`)
  const calls = (name) => gate.arrivals.filter((each) => each.text.startsWith(name)).length
  const progress = Object.keys(low).map((name) => [name, calls(name)])
  console.log(`first at the next free slot: ${first} of ${runs}; requests ${gate.arrivals.length}, of each session ${progress.map(([, n]) => n).join(" ")}`)
  assert.ok(first >= runs * 0.99, `${first} of ${runs}`)
  gate.open()
  for (const [name, session] of Object.entries(low)) {
    await eventually(async () => (await api.get(`/fleet/session/${session}`)).body.attention.state === "ready", 120000)
    assert.ok(calls(name) >= steps + 1, `${name} had ${calls(name)} calls`)
  }
  assert.ok(gate.most() <= slots, `${gate.most()} requests at a time`)
})
