// The fault harness with small numbers: `script/fault` runs the same with any seed, and with more.
import assert from "node:assert/strict"
import { test } from "node:test"
import { run } from "./harness/run.mjs"

const seed = Number(process.env.FAULT_SEED ?? 1)
const options = { seed, rounds: 3, count: 6, clients: 5, times: 1, turns: 20, bin: process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck" }

const scenario = (name, what, more = {}) =>
  test(`${what} (seed ${seed})`, async () => {
    const [{ rows }] = await run([name], { ...options, ...more })
    const broken = rows.filter((row) => row.ok === false).map((row) => `${row.name}: ${row.value}, wanted ${row.want}`)
    assert.deepEqual(broken, [])
  })

scenario("load", "killed at random moments under a mixed load, nothing that was promised is lost")
scenario("points", "killed at failpoints, nothing that was promised is lost", { only: 6 })
scenario("again", "the same request ten times, also across a kill, is carried out once")
scenario("clients", "five clients at one session each get their own answers in one order", { rounds: 8 })
scenario("processes", "no command outlives its abort, timeout, session or server")
scenario("sigterm", "a server that is told to stop leaves nothing open")
