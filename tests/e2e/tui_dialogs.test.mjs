// OpenCode's terminal interface, unchanged, attached to our server: what is reached through its dialogs and commands.
import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { after, before, test } from "node:test"
import { client, eventually, makeWorld } from "../support/server.mjs"
import { openTerminal } from "../support/terminal.mjs"

const opencode = resolve(process.env.OPENCODE_BIN ?? "tests/e2e/node_modules/.bin/opencode")
const within = 60000
let world, server, api, tui, first
before(async () => {
  world = await makeWorld({
    config: {
      provider: {
        fake: {
          name: "Fake",
          npm: "@ai-sdk/openai-compatible",
          options: { baseURL: "FILLED IN", apiKey: "key" },
          models: Object.fromEntries(
            ["Fake", "Second"].map((name) => [name.toLowerCase(), { name, tool_call: true, limit: { context: 200000, output: 8000 } }]),
          ),
        },
      },
      agent: { terse: { description: "Says little", prompt: "You are terse.", mode: "primary" } },
      command: { say: { template: "WORDS:3\n$ARGUMENTS", description: "Says three words" } },
    },
    files: { "a.txt": "one\ntwo\n", "mentioned.md": "what is mentioned\n" },
  })
  const settings = join(world.directory, "opencode.json")
  writeFileSync(settings, readFileSync(settings, "utf8").replace("FILLED IN", `${world.modelURL}/v1`))
  server = await world.serve()
  api = client(server.url)
  // The session that is switched to later: the interface starts without one.
  first = await api.session({ title: "the first session" })
  await api.prompt(first.id, "said in the first")
  tui = openTerminal({
    command: [opencode, "attach", server.url],
    cwd: world.directory,
    env: { ...world.env, TERM: "xterm-256color", OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" },
  })
})
after(async () => {
  tui?.close()
  await world?.close()
})

const sessions = async () => (await api.get("/session")).body
const idle = () => eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, within)
// Types until it is on the screen: letters may be lost while it draws.
async function type(text, shown = text.slice(0, 40)) {
  for (const deadline = Date.now() + within; ; ) {
    tui.type(text)
    try {
      return await tui.until(shown, 3000)
    } catch (error) {
      if (Date.now() > deadline) throw error
      tui.keys("C-e", "C-u")
    }
  }
}
async function say(text) {
  await type(text)
  tui.keys("Enter")
}
// The list of a dialog, filtered until only what is meant is left, and picked from.
async function pick(keys, title, filter, picked) {
  await tui.press(keys, title, within)
  await type(filter)
  await tui.press(["Enter"], (screen) => !screen.includes(title) && picked.test(screen), within)
}
const last = async (id) => (await api.messages(id)).at(-1).info

test("a session is switched to from the list", async () => {
  await tui.until("Ask anything", within)
  await pick(["C-x", "l"], "pin/unpin", "the first", /said in the first/)
  await say("and on")
  await eventually(async () => (await api.messages(first.id)).length === 4, within)
  await idle()
})

test("another model is picked, and answers", async () => {
  await pick(["C-x", "m"], "Select model", "Second", /Build · Second/)
  await say("for the second")
  await eventually(async () => (await last(first.id)).modelID === "second", within)
  await idle()
})

test("another agent is picked, and Tab goes to the next", async () => {
  await pick(["C-x", "a"], "Select agent", "terse", /Terse · /)
  await say("for the terse one")
  await eventually(async () => (await last(first.id)).agent === "terse", within)
  await idle()
  await tui.press(["Tab"], /Build · /, within)
})

test("a command of the project is listed, and run with its arguments", async () => {
  await type("/say", "Says three words")
  await tui.press(["C-e", "C-u"], (screen) => !screen.includes("/say"), within)
  await type("/say please")
  await tui.press(["Enter"], (screen) => !screen.includes("/say please"), within)
  await eventually(async () => (await api.messages(first.id)).some((m) => m.parts.some((p) => p.text === "WORDS:3\nplease")), within)
  await idle()
})

test("a file is mentioned with @ and goes along", async () => {
  await type("look at @ment", /┃ mentioned\.md/)
  await tui.press(["Enter"], /look at @mentioned\.md/, within)
  await tui.press(["Enter"], (screen) => !/┃ +look at @mentioned\.md *\n.*\n.*Build · /.test(screen), within)
  const asked = await eventually(async () => (await api.messages(first.id)).find((m) => m.parts.some((p) => p.type === "file")), within)
  assert.equal(asked.parts.find((p) => p.type === "file").filename, "mentioned.md")
  assert.ok(asked.parts.some((p) => p.text?.includes("what is mentioned")))
  await idle()
})

test("sharing is switched off, and not offered", async () => {
  await type("/share", "No matching items")
  await tui.press(["Escape"], (screen) => !screen.includes("No matching items"), within)
  await tui.press(["C-e", "C-u"], (screen) => !screen.includes("/share"), within)
})

test("what a subagent does is looked at, and its parent gone back to", async () => {
  await say('TOOL:[["task",{"description":"look around","prompt":"said to the child","subagent_type":"general"}]]')
  await tui.until(/General Task — look around[^]*Done\./, within)
  await tui.press(["C-x", "Down"], /said to the child\n[^]*General \(1 of 1\)/, within)
  await tui.press(["Up"], /General Task — look around/, within)
  await idle()
})

test("the session is forked, whole", async () => {
  const before = await api.messages(first.id)
  await type("/fork", "Fork session")
  await tui.press(["Enter"], "Full session", within)
  await tui.press(["Enter"], (screen) => !screen.includes("Full session"), within)
  const fork = await eventually(async () => (await sessions()).find((s) => s.title.endsWith("(fork #1)")), within)
  assert.equal((await api.messages(fork.id)).length, before.length)
  await say("in the fork")
  await eventually(async () => (await api.messages(fork.id)).length === before.length + 2, within)
  assert.equal((await api.messages(first.id)).length, before.length)
  await idle()
})

test("the conversation is compacted", async () => {
  await tui.press(["C-x", "c"], "Compaction · ", within)
  const fork = (await sessions()).find((s) => s.title.endsWith("(fork #1)"))
  await eventually(async () => (await api.messages(fork.id)).some((m) => m.info.summary === true), within)
})
