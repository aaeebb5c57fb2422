// Revert and unrevert over HTTP and in OpenCode's terminal interface: the files go back and forward with the
// conversation, byte for byte, also when the server is killed in the middle.
import assert from "node:assert/strict"
import { existsSync, lstatSync, readFileSync, readlinkSync, readdirSync, rmSync, symlinkSync, writeFileSync, appendFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { after, before, test } from "node:test"
import { setTimeout as delay } from "node:timers/promises"
import { client, events, eventually, makeWorld } from "../support/server.mjs"
import { openTerminal } from "../support/terminal.mjs"

const opencode = resolve(process.env.OPENCODE_BIN ?? "tests/e2e/node_modules/.bin/opencode")

// Everything below a directory, but .git: path → mode and content.
function tree(directory) {
  const found = {}
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath ?? entry.path, entry.name)
    if (file.startsWith(join(directory, ".git/")) || entry.isDirectory()) continue
    const mode = lstatSync(file).mode.toString(8)
    found[file.slice(directory.length + 1)] = entry.isSymbolicLink() ? `-> ${readlinkSync(file)}` : `${mode} ${readFileSync(file, "hex")}`
  }
  return found
}
const bash = (command) => `TOOL:[["bash",{"command":${JSON.stringify(command)},"description":"change"}]]`

let world, server, api
before(async () => {
  world = await makeWorld({ files: { "a.txt": "one\r\ntwo\r\n", "gone.txt": "here\n" } })
  symlinkSync("a.txt", join(world.directory, "link"))
  writeFileSync(join(world.directory, "binary"), Buffer.from([0, 1, 2, 255]))
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

async function promptsOf(session) {
  return (await api.messages(session)).filter((m) => m.info.role === "user")
}

test("a turn leaves patch parts, diffs of its prompt and the sums of its session", async () => {
  const { id } = await api.session()
  await api.prompt(id, bash("printf 'three\\n' >> a.txt; echo new > 'ü new.txt'"))
  const messages = await api.messages(id)
  const step = messages[1].parts
  const [start] = step.filter((p) => p.type === "step-start")
  const [finish] = step.filter((p) => p.type === "step-finish")
  const [patch] = step.filter((p) => p.type === "patch")
  assert.match(start.snapshot, /^[0-9a-f]{40}$/)
  assert.notEqual(finish.snapshot, start.snapshot)
  assert.equal(patch.hash, start.snapshot)
  assert.deepEqual(patch.files, [join(world.directory, "a.txt"), join(world.directory, "ü new.txt")])
  const diffs = messages[0].info.summary.diffs
  assert.deepEqual(diffs.map((d) => [d.file, d.status, d.additions, d.deletions]), [["a.txt", "modified", 1, 0], ["ü new.txt", "added", 1, 0]])
  assert.deepEqual((await api.get(`/session/${id}/diff?messageID=${messages[0].info.id}`)).body, diffs)
  assert.deepEqual((await api.get(`/session/${id}/diff`)).body, diffs)
  assert.deepEqual((await api.get(`/session/${id}`)).body.summary, { additions: 2, deletions: 0, files: 2 })
  await api.post(`/session/${id}/revert`, { messageID: messages[0].info.id })
})

test("a turn that only looks takes no snapshot", async () => {
  const { id } = await api.session()
  await api.prompt(id, `TOOL:[["read",{"filePath":"a.txt"}]]`)
  const parts = (await api.messages(id)).flatMap((m) => m.parts)
  assert.ok(parts.some((p) => p.type === "tool" && p.state.status === "completed"))
  assert.ok(parts.every((p) => p.snapshot === undefined && p.type !== "patch"))
})

test("revert and unrevert walk through three turns byte for byte", async () => {
  const { id } = await api.session()
  const states = [tree(world.directory)]
  for (const command of [
    "printf 'x\\r\\n' >> a.txt; chmod +x a.txt; rm gone.txt; ln -sf binary link",
    "mkdir -p deep/er; head -c 5000 /dev/urandom > deep/er/random; printf '\\0' >> binary",
    "rm -r deep; echo file > deep; echo one > a.txt",
  ]) {
    await api.prompt(id, bash(command))
    states.push(tree(world.directory))
  }
  const prompts = await promptsOf(id)
  for (const at of [2, 1, 2, 0, 1]) {
    const { status, body } = await api.post(`/session/${id}/revert`, { messageID: prompts[at].info.id })
    assert.equal(status, 200)
    assert.equal(body.revert.messageID, prompts[at].info.id)
    assert.match(body.revert.snapshot, /^[0-9a-f]{40}$/)
    assert.deepEqual(tree(world.directory), states[at])
  }
  assert.equal((await api.messages(id)).length, 9, "messages stay until the next prompt")
  const { body } = await api.post(`/session/${id}/unrevert`)
  assert.equal(body.revert, undefined)
  assert.deepEqual(tree(world.directory), states[3])

  await api.post(`/session/${id}/revert`, { messageID: prompts[1].info.id })
  const stream = events(server.url)
  await stream.connected
  await api.prompt(id, "go on")
  await stream.until((e) => e.type === "message.removed" && e.properties.messageID === prompts[2].info.id)
  stream.close()
  const left = await api.messages(id)
  assert.deepEqual(left.map((m) => m.info.role), ["user", "assistant", "assistant", "user", "assistant"])
  assert.equal((await api.get(`/session/${id}`)).body.revert, undefined)
  assert.deepEqual(tree(world.directory), states[1])
  await api.post(`/session/${id}/revert`, { messageID: prompts[0].info.id })
  assert.deepEqual(tree(world.directory), states[0])
})

test("back to a part keeps what was said before it", async () => {
  const { id } = await api.session()
  await api.prompt(id, `PRE\n${bash("echo 1 > p1")}\n${bash("echo 2 > p2")}`)
  const messages = await api.messages(id)
  const tool = messages[2].parts.find((p) => p.type === "tool")
  const { body } = await api.post(`/session/${id}/revert`, { messageID: messages[2].info.id, partID: tool.id })
  assert.deepEqual([body.revert.messageID, body.revert.partID], [messages[2].info.id, tool.id])
  assert.ok(!existsSync(join(world.directory, "p2")) || existsSync(join(world.directory, "p1")))
  await api.prompt(id, "go on")
  const left = await api.messages(id)
  assert.deepEqual(left[2].parts.map((p) => p.type), ["step-start", "text"])
  rmSync(join(world.directory, "p1"), { force: true })
})

test("what a person changed meanwhile is never lost", async () => {
  const { id } = await api.session()
  const file = join(world.directory, "shared.txt")
  writeFileSync(file, "1\n2\n3\n4\n5\n6\n7\n8\n")
  await api.prompt(id, bash("sed -i 's/^1$/1 agent/' shared.txt; echo agent > created.txt"))
  writeFileSync(file, readFileSync(file, "utf8").replace("8\n", "8 person\n"))
  appendFileSync(join(world.directory, "created.txt"), "person\n")
  const [prompt] = await promptsOf(id)
  await api.post(`/session/${id}/revert`, { messageID: prompt.info.id })
  assert.equal(readFileSync(file, "utf8"), "1\n2\n3\n4\n5\n6\n7\n8 person\n")
  assert.equal(readFileSync(join(world.directory, "created.txt"), "utf8"), "agent\nperson\n")
  await api.post(`/session/${id}/unrevert`)
  assert.equal(readFileSync(file, "utf8"), "1 agent\n2\n3\n4\n5\n6\n7\n8 person\n")
})

test("an aborted turn can be taken back too", async () => {
  const { id } = await api.session()
  const before = tree(world.directory)
  const stream = events(server.url)
  await stream.connected
  await api.promptAsync(id, bash("echo half > half.txt; echo READY; sleep 60"))
  await stream.until((e) => e.type === "message.part.updated" && JSON.stringify(e).includes("READY\\n"))
  await api.post(`/session/${id}/abort`)
  await stream.until((e) => e.type === "session.idle" && e.properties.sessionID === id)
  stream.close()
  assert.ok(existsSync(join(world.directory, "half.txt")))
  const [prompt] = await promptsOf(id)
  await api.post(`/session/${id}/revert`, { messageID: prompt.info.id })
  assert.deepEqual(tree(world.directory), before)
})

test("a busy session is not reverted, an unknown message changes nothing, a wrong body is refused", async () => {
  const { id } = await api.session()
  const stream = events(server.url)
  await stream.connected
  await api.promptAsync(id, bash("sleep 60"))
  await stream.until((e) => e.type === "message.part.updated" && e.properties.part.state?.status === "running")
  const busy = await api.post(`/session/${id}/revert`, { messageID: "msg_x" })
  assert.deepEqual([busy.status, busy.body._tag], [409, "SessionBusyError"])
  await api.post(`/session/${id}/abort`)
  await stream.until((e) => e.type === "session.idle")
  stream.close()
  const unknown = await api.post(`/session/${id}/revert`, { messageID: "msg_nope" })
  assert.deepEqual([unknown.status, unknown.body.revert], [200, undefined])
  const wrong = await api.post(`/session/${id}/revert`, {})
  assert.deepEqual([wrong.status, wrong.body.data.message], [400, 'Missing key\n  at ["messageID"]'])
  assert.equal((await api.post("/session/ses_nope/revert", { messageID: "msg_x" })).status, 404)
  assert.equal((await api.post(`/session/${id}/unrevert`)).status, 200)
})

test("snapshot: false takes none, and a revert is about the conversation only", async () => {
  const off = await makeWorld({ config: { snapshot: false } })
  try {
    const other = client((await off.serve()).url)
    const { id } = await other.session()
    await other.prompt(id, bash("echo x > x"))
    const messages = await other.messages(id)
    assert.ok(messages.flatMap((m) => m.parts).every((p) => p.snapshot === undefined && p.type !== "patch"))
    const { body } = await other.post(`/session/${id}/revert`, { messageID: messages[0].info.id })
    assert.equal(body.revert.messageID, messages[0].info.id)
    assert.ok(existsSync(join(off.directory, "x")))
    assert.ok(!existsSync(join(off.home, ".local/share/quarterdeck/snapshot")))
  } finally {
    await off.close()
  }
})

for (const point of ["session.revert.marked:1", "session.revert.recorded:1", "workspace.restore.file:1", "workspace.restore.file:4", "session.revert.restored:1"]) {
  test(`killed at ${point}, a revert is whole or has not begun after the restart`, async () => {
    const { id } = await api.session()
    const before = tree(world.directory)
    await api.prompt(id, bash("for i in 1 2 3 4 5; do echo $i > k$i; done; echo more >> a.txt"))
    const done = tree(world.directory)
    const [prompt] = await promptsOf(id)
    await server.stop()
    server = await world.serve({ env: { QUARTERDECK_FAILPOINT: `${point}:kill` } })
    await client(server.url).post(`/session/${id}/revert`, { messageID: prompt.info.id }).catch(() => {})
    await server.kill()
    server = await world.serve()
    api = client(server.url)
    const { revert } = (await api.get(`/session/${id}`)).body
    assert.deepEqual(tree(world.directory), revert ? before : done)
    if (revert) assert.equal(typeof revert.diff, "string")
    if (!revert) await api.post(`/session/${id}/revert`, { messageID: prompt.info.id })
    await api.post(`/session/${id}/unrevert`)
    assert.deepEqual(tree(world.directory), done)
    await api.post(`/session/${id}/revert`, { messageID: prompt.info.id })
    assert.deepEqual(tree(world.directory), before)
  })
}

test("undo and redo in OpenCode's terminal interface move the files", async () => {
  const tui = openTerminal({
    command: [opencode, "attach", server.url],
    cwd: world.directory,
    env: { ...world.env, TERM: "xterm-256color", OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" },
  })
  try {
    await tui.until("Ask anything")
    tui.type(bash("echo tui > tui.txt"))
    await tui.until("tui.txt")
    tui.keys("Enter")
    await eventually(() => existsSync(join(world.directory, "tui.txt")), 20000)
    await tui.until("Done.")
    // The leader key and a letter: what stands in the prompt does not matter.
    const pressUntil = (letter, done) =>
      eventually(async () => {
        tui.keys("C-x", letter)
        for (let i = 0; i < 20 && !done(); i++) await delay(100)
        return done()
      }, 30000)
    await pressUntil("u", () => !existsSync(join(world.directory, "tui.txt")))
    await tui.until(/reverted/)
    await pressUntil("r", () => existsSync(join(world.directory, "tui.txt")))
  } catch (error) {
    throw new Error(`${error.message}\n${tui.screen()}`)
  } finally {
    tui.close()
  }
})
