// Sessions between OpenCode and this server: export and import in its format, and all of its database.
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { after, before, test } from "node:test"
import { promisify } from "node:util"
import { client, makeWorld } from "../support/server.mjs"

const bin = resolve(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
const opencode = resolve(process.env.OPENCODE_BIN ?? "tests/e2e/node_modules/.bin/opencode")
const run = promisify(execFile)

let world, server, api
before(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

const quarterdeck = (...args) =>
  run(bin, [...args, "--attach", server.url], { cwd: world.directory, env: world.env, timeout: 60000 })

test("what is exported is imported by another server as it was", async () => {
  const { id } = await api.session({ title: "to be moved" })
  await api.prompt(id, 'TOOL:[["bash",{"command":"echo hi","description":"x"}]]')
  const file = join(world.root, "session.json")
  writeFileSync(file, (await quarterdeck("export", id)).stdout)
  const exported = JSON.parse(readFileSync(file, "utf8"))
  assert.deepEqual(Object.keys(exported), ["info", "messages"])

  const other = await makeWorld()
  try {
    const there = await other.serve()
    const { stdout } = await run(bin, ["import", file, "--attach", there.url], { cwd: other.directory, env: other.env })
    assert.equal(stdout, `Imported session: ${id}\n`)
    assert.deepEqual(await client(there.url).messages(id), exported.messages)
    assert.equal((await client(there.url).get(`/session/${id}`)).body.title, "to be moved")
    // It can be gone on with.
    assert.equal((await client(there.url).prompt(id, "hello")).status, 200)
  } finally {
    await other.close()
  }
})

test("OpenCode imports what is exported here, and what OpenCode exports is imported here", async () => {
  const { id } = await api.session({ title: "there and back" })
  await api.prompt(id, 'TOOL:[["bash",{"command":"echo hi","description":"x"}]]')
  const file = join(world.root, "to-opencode.json")
  writeFileSync(file, (await quarterdeck("export", id)).stdout)
  const theirs = await makeWorld({ peer: opencode })
  try {
    const cli = (...args) => run(opencode, args, { cwd: theirs.directory, env: theirs.env, timeout: 100000 })
    assert.equal((await cli("import", file)).stdout, `Imported session: ${id}\n`)
    const back = JSON.parse((await cli("export", id)).stdout)
    assert.equal(back.info.title, "there and back")
    const parts = (messages) => messages.map((m) => m.parts.map((p) => [p.id, p.type, p.text, p.state?.output]))
    assert.deepEqual(parts(back.messages), parts(await api.messages(id)))

    const other = await makeWorld()
    try {
      const there = await other.serve()
      const again = join(world.root, "from-opencode.json")
      writeFileSync(again, JSON.stringify(back))
      await run(bin, ["import", again, "--attach", there.url], { cwd: other.directory, env: other.env })
      assert.deepEqual(parts(await client(there.url).messages(id)), parts(back.messages))
    } finally {
      await other.close()
    }
  } finally {
    await theirs.close()
  }
})

test("what is no session is refused with the place", async () => {
  const table = [
    [{}, /\["info"\]/],
    [{ info: { id: "ses_x" }, messages: [] }, /in \["info"\]/],
    ["[", /./],
  ]
  for (const [body, message] of table) {
    const answer = await api.post("/fleet/import", body)
    assert.equal(answer.status, 400, JSON.stringify(body))
    assert.match(answer.body.data.message, message)
  }
  const file = join(world.root, "broken.json")
  writeFileSync(file, '{"info":1}')
  await assert.rejects(quarterdeck("import", file), (error) => error.code === 1 && /no exported session/.test(error.stderr))
})

test("all sessions of OpenCode's database are brought over while it runs, again and again, and it is not changed", async () => {
  const theirs = await makeWorld({ peer: opencode })
  try {
    const there = await theirs.serve()
    const them = client(there.url)
    const one = await them.session({ title: "from OpenCode" })
    await them.prompt(one.id, 'TOOL:[["bash",{"command":"echo hi","description":"x"}]]')
    const child = await them.session({ title: "its child", parentID: one.id })
    const database = join(theirs.home, ".local/share/opencode/opencode.db")
    const state = () => [createHash("sha256").update(readFileSync(database)).digest("hex"), statSync(database).mtimeMs]
    const before = state()

    const bring = async () => JSON.parse((await quarterdeck("import", "--from-opencode", database, "--format", "json")).stdout)
    const first = await bring()
    assert.deepEqual([first.sessions, first.failed], [2, 0])
    const said = await them.messages(one.id)
    assert.equal(first.messages, said.length)
    const here = await api.messages(one.id)
    assert.deepEqual(here.map((m) => m.info.id), said.map((m) => m.info.id))
    assert.deepEqual(here.map((m) => m.parts.map((p) => p.text ?? p.state?.output ?? p.type)), said.map((m) => m.parts.map((p) => p.text ?? p.state?.output ?? p.type)))
    assert.deepEqual((await api.get(`/session/${one.id}/children`)).body.map((s) => s.id), [child.id])
    assert.deepEqual(state(), before)

    assert.deepEqual(await bring(), { sessions: 0, messages: 0, kept: said.length, failed: 0 })
    // What was said here since stays, and what was said there comes.
    await api.prompt(one.id, "said here")
    await them.prompt(one.id, "said there")
    const again = await bring()
    assert.equal(again.messages, 2)
    const texts = (await api.messages(one.id)).flatMap((m) => m.parts.map((p) => p.text))
    assert.ok(texts.includes("said here") && texts.includes("said there"))
  } finally {
    await theirs.close()
  }
})

test("a file that is no database of OpenCode is refused", async () => {
  await assert.rejects(quarterdeck("import", "--from-opencode", join(world.root, "nothing.db")), /no database of OpenCode/)
  await assert.rejects(quarterdeck("import", "--from-opencode", join(world.directory, "a.txt")), (error) => error.code === 1)
  await assert.rejects(quarterdeck("import"), (error) => error.code === 2)
})
