// Supervision with curl alone, every call sent twice: one session, one result (tests/support/supervise.sh).
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { after, before, test } from "node:test"
import { promisify } from "node:util"
import { client, makeWorld } from "../support/server.mjs"

let world, server, api
before(async () => {
  world = await makeWorld({ config: { permission: { bash: "ask" } } })
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

test("the whole loop by curl, every call twice: one session, one result", async () => {
  const request = JSON.stringify('TOOL:[["bash",{"command":"echo once >> done.txt","description":"x"}]]')
  const { stdout } = await promisify(execFile)(resolve("tests/support/supervise.sh"), [server.url, world.directory, request], { timeout: 120000 })
  const session = stdout.trim()
  const all = (await api.get("/experimental/session?archived=true&roots=true")).body
  assert.equal(all.length, 2, "the one that was handed over and its fork")
  const row = (await api.get(`/fleet/session/${session}`)).body
  assert.deepEqual([row.priority, row.labels], ["P0", ["login"]])
  assert.equal(readFileSync(join(row.directory, "done.txt"), "utf8"), "once\n")
  const messages = await api.messages(session)
  const said = messages.filter((m) => m.info.role === "user").map((m) => m.parts.map((p) => p.text).join())
  for (const text of ["TOOL:", "also say why", "why once?", "and then?"]) {
    assert.equal(said.filter((each) => each.includes(text)).length, 1, text)
  }
})
