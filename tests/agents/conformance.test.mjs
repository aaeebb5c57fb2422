// The protocol's own conformance suite, for both revisions: what applies passes, what does not is in baseline-*.yml.
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { promisify } from "node:util"
import { makeWorld } from "../support/server.mjs"
import { node22 } from "./node22.mjs"

const run = promisify(execFile)
const suite = join(import.meta.dirname, "node_modules/@modelcontextprotocol/conformance/dist/index.js")

let world, server
before(async () => {
  world = await makeWorld()
  server = await world.serve()
})
after(() => world?.close())

const conformance = async (revision) => {
  const results = join(world.root, `results-${revision}`)
  const args = [suite, "server", "--url", server.url + "/mcp", "--requirements", revision]
  const baseline = join(import.meta.dirname, `baseline-${revision}.yml`)
  let code = 0
  const { stdout } = await run(node22(), [...args, "--expected-failures", baseline, "-o", results], {
    cwd: world.root,
    maxBuffer: 1 << 26,
  }).catch((error) => {
    code = error.code
    return error
  })
  const scenario = (name) => {
    const folder = readdirSync(results).find((each) => each.startsWith(`server-${name}-2`))
    return JSON.parse(readFileSync(join(results, folder, "checks.json"), "utf8"))
  }
  return { code, stdout, scenario }
}

test("2025-11-25: every scenario that applies passes", async () => {
  const { code, stdout } = await conformance("2025-11-25")
  assert.equal(code, 0, stdout.slice(-4000))
  for (const name of ["server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "server-session-lifecycle", "server-sse-multiple-streams", "dns-rebinding-protection"]) {
    assert.match(stdout, new RegExp(`✓ ${name}: [1-9]\\d* passed, 0 failed`))
  }
})

test("2026-07-28: every scenario that applies passes", async () => {
  const { code, stdout, scenario } = await conformance("2026-07-28")
  assert.equal(code, 0, stdout.slice(-4000))
  for (const name of ["tools-list", "resources-list", "prompts-list", "caching", "http-header-validation", "dns-rebinding-protection", "sep-2164-resource-not-found"]) {
    assert.match(stdout, new RegExp(`✓ ${name}: [1-9]\\d* passed, 0 failed`))
  }
  const failed = scenario("server-stateless").filter((check) => check.status === "FAILURE")
  assert.equal(failed.length, 4)
  for (const check of failed) assert.match(check.errorMessage, /^Not testable/)
})
