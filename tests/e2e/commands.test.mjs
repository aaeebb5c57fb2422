// Slash commands, skills, trust, and what is always allowed: with a real server and our command line.
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { afterEach, test } from "node:test"
import { promisify } from "node:util"
import { client, events, eventually, isIdle, makeWorld } from "../support/server.mjs"

const ours = resolve(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
const run = promisify(execFile)

let world
afterEach(() => world?.close())

const tools = (messages) => messages.flatMap((m) => m.parts).filter((p) => p.type === "tool")
const texts = (message) => message.parts.filter((p) => p.type === "text").map((p) => p.text)

async function start(files = {}, options) {
  world = await makeWorld(options)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(world.directory, name)), { recursive: true })
    writeFileSync(join(world.directory, name), text)
  }
  const server = await world.serve()
  return { server, api: client(server.url), cli: (...args) => run(ours, args, { cwd: world.directory, env: { ...world.env, QUARTERDECK_URL: server.url } }) }
}

test("a command is its template with the arguments in their places", async () => {
  const { api, server } = await start(
    { ".opencode/commands/git/push.md": "---\ndescription: Pushes\n---\nWORDS:1\nPush $1 to $2 and see @a.txt" },
    { config: { command: { greet: { template: "Say hi to $ARGUMENTS", agent: "plan" }, bare: { template: "WORDS:1" } } } },
  )
  const list = (await api.get("/command")).body
  assert.deepEqual(list.map((c) => c.name), ["bare", "git/push", "greet", "init", "review"])
  assert.deepEqual(list.find((c) => c.name === "git/push"), { name: "git/push", source: "command", template: "WORDS:1\nPush $1 to $2 and see @a.txt", description: "Pushes", hints: ["$1", "$2"] })
  assert.equal(list.find((c) => c.name === "review").subtask, true)
  assert.deepEqual(list.find((c) => c.name === "init").hints, ["$ARGUMENTS"])

  const stream = events(server.url)
  await stream.connected
  const session = (await api.session()).id
  const answer = await api.post(`/session/${session}/command`, { command: "git/push", arguments: `"the branch" origin main` })
  assert.equal(answer.body.info.finish, "stop")
  const [asked] = await api.messages(session)
  assert.equal(texts(asked)[0], "WORDS:1\nPush the branch to origin main and see @a.txt")
  assert.ok(asked.parts.some((p) => (p.type === "file" && p.filename === "a.txt") || texts(asked).length > 1))
  const executed = (await stream.until((e) => e.type === "command.executed")).properties
  assert.deepEqual(executed, { name: "git/push", sessionID: session, arguments: `"the branch" origin main`, messageID: answer.body.info.id })

  await api.post(`/session/${session}/command`, { command: "greet", arguments: "bob" })
  const greeted = (await api.messages(session)).filter((m) => m.info.role === "user").at(-1)
  assert.equal(texts(greeted)[0], "Say hi to bob")
  assert.equal(greeted.info.agent, "plan")
  await api.post(`/session/${session}/command`, { command: "bare", arguments: "and more", agent: "build" })
  assert.equal(texts((await api.messages(session)).filter((m) => m.info.role === "user").at(-1))[0], "WORDS:1\n\nand more")

  assert.equal((await api.post(`/session/${session}/command`, { command: "nosuch", arguments: "" })).status, 500)
  assert.match((await stream.until((e) => e.type === "session.error")).properties.error.data.message, /^Command not found: "nosuch"\. Available commands: bare/)
  assert.equal((await api.post(`/session/${session}/command`, {})).status, 400)
  assert.equal((await api.post("/session/ses_nope/command", { command: "greet", arguments: "" })).status, 404)
})

test("a command may hand its work to a subagent, and the session goes on with the result", async () => {
  const { api } = await start({}, { config: { command: { look: { template: "WORDS:2", description: "looks", agent: "explore" } } } })
  const session = (await api.session()).id
  const answer = (await api.post(`/session/${session}/command`, { command: "look", arguments: "" })).body
  const messages = await api.messages(session)
  assert.equal(messages.length, 4)
  const part = messages[0].parts[0]
  assert.deepEqual([part.type, part.prompt, part.description, part.agent, part.command], ["subtask", "WORDS:2", "looks", "explore", "look"])
  assert.equal(messages[1].info.agent, "explore")
  assert.match(tools(messages)[0].state.output, /word0 word1 /)
  assert.deepEqual(texts(messages[2]), ["Summarize the task tool output above and continue with your task."])
  assert.equal(messages[3].info.agent, "build")
  assert.equal(answer.info.id, messages[3].info.id)
})

test("the project's shell in a command runs only where the project is trusted", async () => {
  const { api, cli } = await start({ ".opencode/command/status.md": "WORDS:1\nIt says: !`cat a.txt` and !`echo \"$1\"`" })
  const session = (await api.session()).id
  const command = { command: "status", arguments: "x y" }
  const refused = await api.post(`/session/${session}/command`, command)
  assert.equal(refused.status, 403)
  assert.match(refused.body.data.message, /quarterdeck trust /)
  assert.equal((await api.messages(session)).length, 0)

  assert.match((await cli("trust")).stdout, new RegExp(`^trusted ${world.directory}`))
  assert.equal(JSON.parse((await cli("trust", "list", "--format", "json")).stdout)[0].directory, world.directory)
  assert.equal((await api.post(`/session/${session}/command`, command)).status, 200)
  assert.equal(texts((await api.messages(session))[0])[0], "WORDS:1\nIt says: one\ntwo\n and x y")

  await cli("trust", "remove", ".")
  assert.equal((await api.post(`/session/${session}/command`, command)).status, 403)
  assert.equal((await api.post("/fleet/trust", { directory: world.directory })).body.directory, world.directory)
  assert.equal((await api.get("/fleet/trust")).body.length, 1)
  assert.equal((await api.delete(`/fleet/trust?directory=${world.directory}`)).body, true)
  assert.equal((await api.delete(`/fleet/trust?directory=${world.directory}`)).status, 404)
  assert.equal((await api.post("/fleet/trust", { directory: "relative" })).status, 400)
})

test("/init is a command, in the old way too", async () => {
  const { api } = await start()
  const session = (await api.session()).id
  assert.equal((await api.post(`/session/${session}/init`, { providerID: "fake", modelID: "fake", messageID: "msg_ffffffffff01AAAAAAAAAAAAAA" })).body, true)
  assert.match(texts((await api.messages(session))[0])[0], /^Create or update `AGENTS.md` for this repository/)
  assert.equal((await api.post(`/session/${session}/init`, {})).status, 400)
})

const skill = "---\nname: knots\ndescription: How to tie <knots>\n---\nTie it: $1\n"

test("a skill is listed, loaded when it is asked for, and a command", async () => {
  const { api } = await start({ ".opencode/skills/knots/SKILL.md": skill, ".opencode/skills/knots/scripts/tie.sh": "echo", ".claude/skills/other/SKILL.md": "---\nname: other\n---\nx", ".opencode/skills/bad/SKILL.md": "no name" })
  const skills = (await api.get("/skill")).body
  assert.deepEqual(skills.map((s) => s.name), ["knots", "other"])
  assert.equal(skills[0].content, "Tie it: $1")
  assert.equal((await api.get("/api/skill")).body.data.length, 2)
  const session = (await api.session()).id
  const call = (name) => `TOOL:${JSON.stringify([["skill", { name }]])}`
  await api.prompt(session, `${call("knots")}\n${call("nope")}`)
  const [loaded, unknown] = tools(await api.messages(session)).map((t) => t.state)
  assert.equal(loaded.title, "Loaded skill: knots")
  assert.match(loaded.output, /^<skill_content name="knots">\n# Skill: knots\n\nTie it: \$1\n\nBase directory for this skill: /)
  assert.match(loaded.output, /<file>.*scripts\/tie\.sh<\/file>/)
  assert.equal(unknown.error, 'Skill "nope" not found. Available skills: knots, other')
  const request = (await world.modelRequests()).find((r) => (r.body ?? r).tools?.length)
  const system = JSON.stringify((request.body ?? request).messages[0])
  assert.match(system, /<name>knots<\/name>/)
  assert.match(system, /How to tie &lt;knots&gt;/)
  assert.ok(!system.includes("<name>other</name>"), "without a description it is not offered")
  assert.equal((await api.get("/command")).body.find((c) => c.name === "knots").source, "skill")
  await api.post(`/session/${session}/command`, { command: "knots", arguments: "bowline" })
  assert.match(texts((await api.messages(session)).filter((m) => m.info.role === "user").at(-1))[0], /^Tie it: bowline\n\nBase directory/)
  const closed = (await api.session({ permission: [{ permission: "skill", pattern: "knots", action: "deny" }] })).id
  await api.prompt(closed, call("knots"))
  assert.equal(tools(await api.messages(closed))[0].state.status === "completed" && tools(await api.messages(closed))[0].tool === "skill", false)
})

test("what was allowed always stays allowed after a restart, until it is taken back", async () => {
  let { api, server, cli } = await start({}, { config: { permission: { bash: "ask" } } })
  const prompt = 'TOOL:[["bash",{"command":"git status --short","description":"x"}]]'
  const asking = async () => {
    const stream = events(server.url)
    await stream.connected
    const session = (await api.session()).id
    await api.promptAsync(session, prompt)
    const event = await stream.until((e) => e.type === "permission.asked" || isIdle(session)(e))
    stream.close()
    return event.type === "permission.asked" ? event.properties : undefined
  }
  const asked = await asking()
  await api.post(`/permission/${asked.id}/reply`, { reply: "always" })
  assert.equal(await asking(), undefined)
  await server.kill()
  server = await world.serve()
  api = client(server.url)
  assert.equal(await asking(), undefined)
  const [rule] = (await api.get("/api/permission/saved")).body.data
  assert.deepEqual([rule.action, rule.resource], ["bash", "git status *"])
  const attach = ["--attach", server.url]
  assert.match((await cli("permission", "list", ...attach)).stdout, /bash +git status \*/)
  assert.equal((await cli("permission", "remove", ...attach, rule.id)).stdout, `removed ${rule.id}\n`)
  const again = await asking()
  assert.equal(again.permission, "bash")
  const [open] = (await api.get("/api/permission/request")).body.data
  assert.deepEqual([open.id, open.action, open.resources, open.save], [again.id, "bash", ["git status --short"], ["git status *"]])
  assert.equal((await api.get(`/api/session/${again.sessionID}/permission/${again.id}`)).body.data.id, again.id)
  assert.equal((await api.post(`/api/session/${again.sessionID}/permission/${again.id}/reply`, { reply: "reject" })).status, 204)
  await eventually(async () => (await api.get("/permission")).body.length === 0)
})
