// backup, restore, verify and vacuum of the real program, beside a running server and without one.
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdirSync, statSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { after, before, test } from "node:test"
import { client, makeWorld } from "../support/server.mjs"

const bin = resolve(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
let world, data
before(async () => {
  world = await makeWorld()
  data = join(world.home, ".local/share/quarterdeck")
})
after(() => world?.close())

function quarterdeck(...args) {
  const ran = spawnSync(bin, args, { env: world.env, cwd: world.directory, encoding: "utf8" })
  return { code: ran.status, out: ran.stdout, err: ran.stderr }
}
const json = (...args) => {
  const ran = quarterdeck(...args, "--format", "json")
  return { code: ran.code, ...JSON.parse(ran.out) }
}

test("each has a help with examples, and wrong usage is exit code 2", () => {
  for (const verb of ["backup", "restore", "verify", "vacuum"]) {
    const help = quarterdeck(verb, "--help")
    assert.equal(help.code, 0)
    assert.match(help.out, /Examples:/)
    assert.match(help.out, /--data/)
  }
  assert.equal(quarterdeck("restore").code, 2)
  assert.equal(quarterdeck("verify", "--nonsense").code, 2)
})

test("without a database they say so", () => {
  for (const verb of ["backup", "verify", "vacuum"]) {
    const ran = quarterdeck(verb)
    assert.equal(ran.code, 1, verb)
    assert.match(ran.err, /no database there/)
  }
  assert.equal(json("verify").error.code, "not_found")
})

test("a backup of a running server is restored after it has stopped, and what was there is kept", async () => {
  let server = await world.serve()
  let api = client(server.url)
  const first = (await api.session({ title: "first" })).id
  await api.prompt(first, "hello")

  const backup = json("backup")
  assert.equal(backup.code, 0)
  assert.equal(backup.sessions, 1)
  assert.equal(statSync(backup.file).mode & 0o777, 0o600)
  const named = join(world.root, "copy.db")
  assert.equal(quarterdeck("backup", named).code, 0)
  assert.match(quarterdeck("backup", named).err, /exists/)
  assert.equal(json("verify", "--file", named).ok, true)

  const beside = json("verify")
  assert.deepEqual([beside.code, beside.ok, beside.complete, beside.sessions], [0, true, true, 1])

  await api.session({ title: "second" })
  for (const verb of [["restore", named], ["vacuum"]]) {
    const refused = quarterdeck(...verb)
    assert.equal(refused.code, 1)
    assert.match(refused.err, new RegExp(`process ${server.pid}`), "it names who has it")
  }
  await server.stop()

  const restored = json("restore", backup.file)
  assert.equal(restored.code, 0)
  assert.equal(restored.sessions, 1)
  assert.equal(json("verify", "--file", restored.replaced).sessions, 2)
  server = await world.serve()
  api = client(server.url)
  assert.deepEqual((await api.get("/session")).body.map((s) => s.id), [first])
  const messages = await api.messages(first)
  assert.equal(messages.at(-1).info.finish, "stop")
  await server.stop()
  assert.equal(json("vacuum").ok, true)
  assert.equal(quarterdeck("verify", "--quiet").out, "")
})

test("a second server on the same data is refused and told who has it", async () => {
  const server = await world.serve()
  await assert.rejects(world.serve(), new RegExp(`in use by another server \\(process ${server.pid}\\)`))
  await server.stop()
})

test("a damaged database: verify and doctor say so, the server serves reads and answers 503 with the reason", async () => {
  const elsewhere = join(world.root, "elsewhere")
  mkdirSync(join(elsewhere, "quarterdeck"), { recursive: true })
  writeFileSync(join(elsewhere, "quarterdeck/quarterdeck.db"), "x".repeat(50_000))
  const verified = json("verify", "--data", join(elsewhere, "quarterdeck"))
  assert.equal(verified.code, 1)
  assert.match(verified.problems[0], /not a database/)
  for (let start = 0; start < 2; start++) {
    const server = await world.serve({ env: { XDG_DATA_HOME: elsewhere } })
    const api = client(server.url)
    assert.equal((await api.get("/session")).status, 200)
    const refused = await api.post("/session", {})
    assert.equal(refused.status, 503)
    assert.match(JSON.stringify(refused.body), /damaged.*quarterdeck restore/)
    await server.stop()
  }
})
