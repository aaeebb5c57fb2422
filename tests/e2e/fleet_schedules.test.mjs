// Work that opens by itself: at times, and when other sessions end.
import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, test } from "node:test"
import { client, eventually, makeWorld } from "../support/server.mjs"

let world, server, api
const start = async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
}
beforeEach(() => (world = undefined))
afterEach(() => world?.close())

const handoff = (more = {}) => ({ request: "triage", directory: world.directory, in_place: true, ...more })
const roster = async (label) => (await api.get(`/fleet/roster?label=${encodeURIComponent(label)}`)).body.sessions
// What the server keeps, changed while it is down: as if time had passed.
const passTime = async (change) => {
  await server.stop()
  const path = join(world.home, ".local/share/quarterdeck/fleet-schedules.json")
  const kept = JSON.parse(readFileSync(path, "utf8"))
  kept.schedules.forEach(change)
  writeFileSync(path, JSON.stringify(kept))
  server = await world.serve()
  api = client(server.url)
}

test("made twice with one key it is one schedule, also after a restart; other words under that key are refused", async () => {
  await start()
  const key = { "idempotency-key": "nightly" }
  const body = { name: "nightly", cron: "@daily", handoff: handoff() }
  const made = (await api.post("/fleet/schedules", body, key)).body
  assert.equal((await api.post("/fleet/schedules", body, key)).body.id, made.id)
  await server.stop()
  server = await world.serve()
  api = client(server.url)
  assert.equal((await api.post("/fleet/schedules", body, key)).body.id, made.id)
  assert.equal((await api.get("/fleet/schedules")).body.schedules.length, 1)
  assert.equal((await api.post("/fleet/schedules", { ...body, name: "other" }, key)).status, 409)
  assert.equal((await api.post("/fleet/schedules", body)).status, 200)
  assert.equal((await api.get("/fleet/schedules")).body.schedules.length, 2)
})

test("schedules are made, listed with their next run, changed and removed; what is wrong is told with its path", async () => {
  await start()
  const made = await api.post("/fleet/schedules", { name: "nightly", cron: "30 4 * * mon-fri", time_zone: "Europe/Berlin", handoff: handoff() })
  assert.equal(made.status, 200, JSON.stringify(made.body))
  assert.match(made.body.id, /^sch_/)
  assert.equal(new Date(made.body.next_run).getUTCMinutes(), 30)
  assert.ok(made.body.next_run > Date.now())
  const path = `/fleet/schedules/${made.body.id}`
  const changed = await api.call("PUT", path, { name: "nightly", enabled: false, cron: "@daily", handoff: handoff() })
  assert.deepEqual([changed.status, changed.body.next_run], [200, null])
  assert.deepEqual((await api.get("/fleet/schedules")).body.schedules.map((s) => s.id), [made.body.id])
  const run = await api.post(`${path}/run`, {}, { "idempotency-key": "now" })
  const again = await api.post(`${path}/run`, {}, { "idempotency-key": "now" })
  assert.deepEqual([run.status, run.body], [again.status, again.body])
  assert.equal((await roster("schedule:nightly")).length, 1)
  assert.equal((await api.get(path)).body.last_session, run.body.sessionID)
  for (const [body, at] of [
    [{ cron: "* * * * *", handoff: handoff() }, "name"],
    [{ name: "x", handoff: handoff() }, "cron"],
    [{ name: "x", cron: "61 * * * *", handoff: handoff() }, "cron"],
    [{ name: "x", cron: "@daily", time_zone: "Mars", handoff: handoff() }, "time_zone"],
    [{ name: "x", cron: "@daily", missed: "all", handoff: handoff() }, "missed"],
    [{ name: "x", cron: "@daily", handoff: { directory: "/tmp" } }, "request"],
    [{ name: "x", cron: "@daily", handoff: { request: "x" } }, "directory"],
    [{ name: "x", trigger: { on: "whenever" }, handoff: handoff() }, "on"],
  ]) {
    const refused = await api.post("/fleet/schedules", body)
    assert.equal(refused.status, 400, JSON.stringify(body))
    assert.match(JSON.stringify(refused.body), new RegExp(`\\[\\\\+"${at}`), JSON.stringify(refused.body))
  }
  assert.equal((await api.delete(path)).status, 200)
  assert.equal((await api.get(path)).status, 404)
  assert.equal((await api.delete(path)).status, 404)
})

test("what was missed runs once or not at all, and no due time runs twice", async () => {
  await start()
  const make = (name, missed) => api.post("/fleet/schedules", { name, cron: "0 */2 * * *", missed, handoff: handoff() })
  await make("once", "once")
  await make("skipped", "skip")
  await passTime((s) => (s.since -= 24 * 3600 * 1000))
  await eventually(async () => (await roster("schedule:once")).length === 1, 30000)
  // The session is there before the note of it.
  const list = await eventually(async () => {
    const { schedules } = (await api.get("/fleet/schedules")).body
    return schedules.find((s) => s.name === "once").last_due > 0 && schedules
  }, 30000)
  assert.ok(list.find((s) => s.name === "once").next_run > Date.now())
  assert.ok(list.find((s) => s.name === "skipped").next_run > Date.now())
  // The same due time once more, as after a crash between the session and the note of it.
  await passTime((s) => (s.last_due = 0))
  await eventually(async () => (await api.get("/fleet/schedules")).body.schedules.find((s) => s.name === "once").last_due > 0, 30000)
  assert.equal((await roster("schedule:once")).length, 1)
  assert.equal((await roster("schedule:skipped")).length, 0)
})

test("a session that ends or fails sets off what waits for that, once, and never itself", async () => {
  await start()
  await api.post("/fleet/schedules", { name: "after", trigger: { on: "failed", label: "ci" }, handoff: handoff({ request: "ERR:400" , labels: ["ci"] }) })
  await api.post("/fleet/handoff", handoff({ request: "ERR:400", labels: ["other"] }))
  const failing = (await api.post("/fleet/handoff", handoff({ request: "ERR:400", labels: ["ci"] }))).body.sessionID
  await eventually(async () => (await roster("schedule:after")).length === 1, 30000)
  const [opened] = await roster("schedule:after")
  assert.deepEqual(opened.refs.map((r) => [r.system, r.id]), [["session", failing]])
  await eventually(async () => (await roster("schedule:after"))[0].attention.state === "failed", 30000)
  await api.prompt(failing, "ERR:400")
  await eventually(async () => (await api.get(`/fleet/session/${failing}`)).body.attention.state === "failed", 30000)
  const after = (await api.get("/fleet/schedules")).body.schedules[0]
  assert.equal(after.last_error, undefined, JSON.stringify(after))
  assert.equal((await roster("schedule:after")).length, 1, "its own failure set nothing off, and the work is open already")
})
