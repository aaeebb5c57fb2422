// Many projects in one server: only below registered roots, loaded when somebody asks, unloaded when nobody does.
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { afterEach, beforeEach, test } from "node:test"
import { setTimeout as delay } from "node:timers/promises"
import { metric } from "../support/raw.mjs"
import { client, eventually, git, makeWorld } from "../support/server.mjs"

const own = join(import.meta.dirname, "../support/mcp_server.mjs")
const alive = (pid) => existsSync(`/proc/${pid}`)

let world
beforeEach(() => (world = undefined))
afterEach(() => world?.close())

// The user's configuration, which needs no trust.
function configure(config) {
  const folder = join(world.home, ".config/quarterdeck")
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "config.json"), JSON.stringify(config))
}
function project(name) {
  const directory = join(world.root, name)
  mkdirSync(directory, { recursive: true })
  git(directory, "init", "-q", "-b", "main")
  git(directory, "commit", "-q", "--allow-empty", "-m", "init")
  return directory
}

test("directories outside the roots are refused wherever a request can name one, and nothing is made", async () => {
  world = await makeWorld()
  const inside = project("roots/inside")
  const outside = project("outside")
  symlinkSync(outside, join(world.root, "roots/link"))
  const server = await world.serve({ args: ["--root", join(world.root, "roots")] })
  const api = client(server.url)
  const named = { "x-opencode-directory": encodeURIComponent(outside) }
  const link = encodeURIComponent(join(world.root, "roots/link"))
  const ways = [
    ["POST", `/session?directory=${encodeURIComponent(outside)}`, {}],
    ["POST", `/session?directory=${link}`, {}],
    ["POST", `/session?directory=${encodeURIComponent(join(inside, "../../outside"))}`, {}],
    ["POST", "/session", {}, named],
    ["GET", "/file?path=.", undefined, named],
    ["GET", "/config", undefined, named],
    ["GET", `/api/agent?location[directory]=${encodeURIComponent(outside)}`],
    ["POST", "/pty", {}, named],
    ["POST", "/pty", { command: "/bin/true", cwd: outside }],
    ["POST", `/api/pty?directory=${encodeURIComponent(inside)}`, { command: "/bin/true", cwd: "../../outside" }],
    ["POST", "/fleet/worktree", { directory: outside }],
    ["POST", "/api/session", { location: { directory: outside } }],
    ["POST", "/fleet/handoff", { request: "look around", directory: outside }],
    ["GET", "/file?path=.&directory=/etc"],
  ]
  for (const [method, path, body, headers] of ways) {
    const answer = await api.call(method, path, body, headers)
    assert.equal(answer.status, 403, `${method} ${path}`)
    assert.match(JSON.stringify(answer.body), /not below a registered root/, `${method} ${path}`)
  }
  assert.deepEqual((await api.get("/experimental/session?archived=true")).body, [])
  const made = await api.post(`/session?directory=${encodeURIComponent(inside)}`, {})
  assert.equal(made.status, 200)
  assert.equal((await api.prompt(made.body.id, "hello")).status, 200)
})

test("roots come from the user's configuration, and a session whose folder is outside them now is read, not worked on", async () => {
  world = await makeWorld()
  const directory = project("elsewhere")
  let server = await world.serve()
  let api = client(server.url)
  const session = (await api.post(`/session?directory=${encodeURIComponent(directory)}`, {})).body.id
  await api.prompt(session, "hello")
  await server.stop()
  configure({ quarterdeck: { roots: [world.directory, "~/work"] } })
  server = await world.serve()
  api = client(server.url)
  assert.equal((await api.messages(session)).length, 2)
  const refused = await api.prompt(session, "hello again")
  assert.equal(refused.status, 403)
  assert.match(refused.body.data.message, /elsewhere is not below a registered root \(.*project, .*home\/work/)
  assert.equal((await api.messages(session)).length, 2)
})

test("a server whose roots are written wrong does not start, and says where", async () => {
  world = await makeWorld()
  configure({ quarterdeck: { roots: ["work"] } })
  await assert.rejects(world.serve(), /an absolute folder, or one that begins with ~.*got "work".*\["quarterdeck"\]\["roots"\]\[0\]/)
  const bin = resolve(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
  const projects = () => {
    const said = spawnSync(bin, ["doctor", "--format", "json"], { env: world.env, encoding: "utf8" })
    return JSON.parse(said.stdout).checks.find((check) => check.name === "projects")
  }
  assert.match(projects().found, /an absolute folder/)
  configure({ quarterdeck: { roots: [join(world.root, "nowhere")] } })
  assert.match(projects().found, /nowhere is no directory/)
})

test("a project that nobody asks for is unloaded with its servers, and the next prompt loads it again", async () => {
  world = await makeWorld({ config: { permission: { bash: "ask" } } })
  configure({ quarterdeck: { unload_after_s: 1 }, mcp: { own: { type: "local", command: ["node", own, "stdio"] } } })
  const server = await world.serve()
  const api = client(server.url)
  const session = (await api.session()).id
  const ownPid = async () => {
    await api.prompt(session, 'TOOL:[["own_pid",{}]]')
    const calls = (await api.messages(session)).flatMap((m) => m.parts).filter((p) => p.type === "tool")
    return Number(calls.at(-1).state.output)
  }
  const first = await ownPid()
  assert.ok(alive(first))
  assert.equal(await metric(server.url, "quarterdeck_projects_loaded"), 1)
  await eventually(() => !alive(first), 30000)
  assert.equal(await metric(server.url, "quarterdeck_projects_loaded"), 0)
  const second = await ownPid()
  assert.notEqual(second, first)

  // A turn that waits for a person is somebody.
  await api.promptAsync(session, 'TOOL:[["bash",{"command":"echo hi"}]]')
  const request = await eventually(async () => (await api.get("/permission")).body[0], 30000)
  await delay(3500)
  assert.ok(alive(second))
  assert.equal((await api.post(`/permission/${request.id}/reply`, { reply: "once" })).status, 200)
  await eventually(() => !alive(second), 30000)

  // So is a server that was added by hand: nothing would bring it back.
  await api.post("/mcp", { name: "added", config: { type: "local", command: ["node", own, "stdio"] } })
  const third = await ownPid()
  await delay(3500)
  assert.ok(alive(third))
  assert.equal((await api.get("/mcp")).body.added.status, "connected")
})
