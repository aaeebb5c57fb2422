// Clients that others made for OpenCode in Python, unchanged from PyPI: a library, and a bridge to a chat service.
import assert from "node:assert/strict"
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { after, before, test } from "node:test"
import { promisify } from "node:util"
import { client, eventually, makeWorld } from "../support/server.mjs"
import { openTalk } from "../support/talk.mjs"

const bin = resolve("tests/e2e/.venv/bin")
// PEER=1 runs the same against OpenCode's own server.
const peer = process.env.PEER && resolve(process.env.OPENCODE_BIN ?? "tests/e2e/node_modules/.bin/opencode")
const within = 60000
let world, server, api
before(async () => {
  world = await makeWorld({ peer, config: { permission: { bash: { "*": "allow", "touch *": "ask" } } } })
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

const tool = (name, input) => `TOOL:${JSON.stringify([[name, input]])}`

test("opencode-client-python: sessions, a prompt, events, a permission, a question, files and models", async () => {
  const { stdout } = await promisify(execFile)(join(bin, "python"), ["tests/support/python_client.py", server.url, world.directory], {
    timeout: 120000,
  })
  const seen = JSON.parse(stdout)
  assert.match(seen.text, /^word0 word1/)
  assert.deepEqual(seen.roles, ["user", "assistant"])
  assert.equal(seen.title, "from Python")
  assert.ok(["session.created", "message.part.updated", "session.idle"].every((type) => seen.events.includes(type)), seen.events.join())
  assert.equal(seen.permission, "bash")
  assert.ok(existsSync(join(world.directory, "from-python")))
  assert.equal(seen.question, "Which colour?")
  assert.deepEqual(seen.answers, [["Blue"]])
  assert.match(seen.forked, /^from Python \(fork #1\)$/)
  assert.deepEqual(seen.found, ["a.txt"])
  assert.equal(seen.content.trim(), "one\ntwo")
  assert.ok(seen.agents.includes("build"))
  assert.ok(seen.providers.includes("fake"))
  assert.equal(seen.missing, 404)
  assert.equal((await api.get(`/session/${seen.session}`)).status, 404) // deleted
})

test("opencode-talk-bridge: a person in a chat prompts, watches, allows, answers, renames, stops", async () => {
  const talk = await openTalk()
  const env = {
    PATH: process.env.PATH,
    HOME: world.home,
    NC_URL: talk.url,
    NC_USER: "bridge",
    NC_APP_PASSWORD: "app",
    TALK_CONVERSATIONS: "room",
    ALLOWED_USERS: "ada",
    OPENCODE_URL: server.url,
    OPENCODE_DIRECTORY: world.directory,
    BOT_LOCALE: "en",
    STREAM_THROTTLE_MS: "100",
  }
  const bridge = spawn(join(bin, "opencode-talk-bridge"), [], { cwd: world.root, env, stdio: ["ignore", "pipe", "pipe"] })
  let log = ""
  for (const stream of [bridge.stdout, bridge.stderr]) stream.on("data", (bytes) => (log += bytes))
  const ended = once(bridge, "exit")
  const hears = async (pattern, from = 0) => {
    try {
      return await eventually(() => talk.said().slice(from).find((text) => pattern.test(text)), within)
    } catch (error) {
      throw new Error(`${pattern} was not said; said: ${JSON.stringify(talk.said().slice(from))}\n${log}`)
    }
  }
  try {
    await Promise.race([talk.listening, ended.then(() => assert.fail(log))])
    talk.say("hello from the chat")
    await hears(/word0 word1 word2 word3 word4 word5 word6 word7/)
    const bound = await eventually(async () => (await api.get("/session")).body.find((s) => s.directory === world.directory), within)
    assert.equal((await api.messages(bound.id)).at(0).parts[0].text, "hello from the chat")

    const idle = () => eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, within)
    await idle()
    let from = talk.said().length
    talk.say(tool("bash", { command: "touch from-the-chat", description: "x" }))
    await hears(/🔐/, from)
    assert.ok(!existsSync(join(world.directory, "from-the-chat")))
    talk.say("yes")
    await eventually(() => existsSync(join(world.directory, "from-the-chat")), within)
    await hears(/Done\./, from)
    await idle()

    from = talk.said().length
    const question = { question: "Which colour?", header: "Colour", options: [{ label: "Red", description: "warm" }, { label: "Blue", description: "cold" }] }
    talk.say(tool("question", { questions: [question] }))
    await hears(/❓[^]*Which colour\?/, from)
    talk.say("2")
    await hears(/Done\./, from)
    const asked = (await api.messages(bound.id)).flatMap((m) => m.parts).find((p) => p.tool === "question")
    assert.deepEqual(asked.state.metadata.answers, [["Blue"]])
    await idle()

    talk.say("/rename from the chat")
    await eventually(async () => (await api.get(`/session/${bound.id}`)).body.title === "from the chat", within)
    from = talk.said().length
    talk.say("/sessions")
    await hears(/from the chat/, from)

    await api.promptAsync(bound.id, "SLOW:3000:20")
    await eventually(async () => (await api.get("/session/status")).body[bound.id]?.type === "busy", within)
    talk.say("/stop")
    await idle()
  } finally {
    bridge.kill("SIGTERM")
    await ended
    talk.close()
  }
})
