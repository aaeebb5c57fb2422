// OpenCode's terminal interface, unchanged, attached to our server and driven through tmux.
import assert from "node:assert/strict"
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { after, before, test } from "node:test"
import { client, eventually, makeWorld } from "../support/server.mjs"
import { openTerminal } from "../support/terminal.mjs"

const opencode = resolve(process.env.OPENCODE_BIN ?? "tests/e2e/node_modules/.bin/opencode")
let world, server, api, tui
before(async () => {
  world = await makeWorld({ config: { permission: { bash: { "*": "allow", "touch *": "ask" } } } })
  server = await world.serve()
  api = client(server.url)
  tui = openTerminal({
    command: [opencode, "attach", server.url],
    cwd: world.directory,
    env: {
      ...world.env,
      TERM: "xterm-256color",
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
    },
  })
})
after(async () => {
  tui?.close()
  await world?.close()
})

const sessions = async () => (await api.get("/session?roots=true")).body
// The prompt is empty again when it was sent. A letter that follows an Escape too soon is lost, as Alt and that letter.
async function say(text) {
  for (const deadline = Date.now() + 30000; ; ) {
    tui.type(text)
    try {
      await tui.until(text.slice(0, 40), 3000)
      break
    } catch (error) {
      if (Date.now() > deadline) throw error
      tui.keys("C-e", "C-u")
    }
  }
  tui.keys("Enter")
}

test("it starts and shows agent, model and branch", async () => {
  await tui.until("Ask anything")
  await tui.until(/Build.*Fake/)
  await tui.until(":main")
})

test("a prompt is answered on the screen, and the session gets its title", async () => {
  await say("hello")
  await tui.until("word0 word1 word2 word3 word4 word5 word6 word7")
  const [session] = await eventually(async () => {
    const list = await sessions()
    return list.length === 1 && list
  })
  assert.deepEqual((await api.messages(session.id)).map((m) => m.info.role), ["user", "assistant"])
  const { title } = await eventually(async () => {
    const now = (await api.get(`/session/${session.id}`)).body
    return !now.title.startsWith("New session") && now
  })
  await tui.until(title)
})

test("a tool call and its output are shown", async () => {
  await say('TOOL:[["bash",{"command":"cat a.txt","description":"look"}]]')
  await tui.until(/\$ cat a\.txt[^]*one[^]*two[^]*Done\./)
})

test("a permission is asked and allowed with a key", async () => {
  await say('TOOL:[["bash",{"command":"touch allowed","description":"make it"}]]')
  await tui.until("Permission required")
  assert.ok(!existsSync(join(world.directory, "allowed")))
  await tui.press(["Enter"], (screen) => !screen.includes("Permission required"))
  await eventually(() => existsSync(join(world.directory, "allowed")), 30000)
  assert.deepEqual((await api.get("/permission")).body, [])
})

test("a question is shown and answered with a key", async () => {
  const question = { question: "Which colour?", header: "Colour", options: [{ label: "Red", description: "warm" }, { label: "Blue", description: "cold" }] }
  await say(`TOOL:${JSON.stringify([["question", { questions: [question] }]])}`)
  await tui.until(/Which colour\?[^]*Red[^]*Blue/)
  const [asked] = await eventually(async () => {
    const open = (await api.get("/question")).body
    return open.length === 1 && open
  })
  assert.deepEqual(asked.questions, [question])
  await tui.press(["Enter"], "# Questions")
  const answered = await eventually(async () => {
    const messages = await api.messages(asked.sessionID)
    return messages.flatMap((m) => m.parts).find((p) => p.tool === "question" && p.state.status === "completed")
  })
  assert.deepEqual(answered.state.metadata.answers, [["Red"]])
})

test("escape twice interrupts a running answer", async () => {
  await say("SLOW:2000:20")
  await tui.until("esc interrupt")
  await tui.until(/word5 /)
  // Now and then it misses an Escape while words come in: one time in thirty on a busy machine, with OpenCode's own
  // server too. The second counts within five seconds of the first.
  await tui.press(["Escape"], "again to interrupt")
  await tui.press(["Escape"], "· interrupted")
  await eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0)
})

test("the session is renamed from the session list", async () => {
  await tui.press(["C-x", "l"], "Search")
  await tui.press(["C-r"], "Rename Session")
  tui.type(" renamed")
  tui.keys("Enter")
  const session = await eventually(async () => (await sessions()).find((s) => s.title.endsWith(" renamed")), 30000)
  await tui.until(session.title)
  await tui.press(["Escape"], (screen) => !screen.includes("Search"))
})

test("after a restart of the server it goes on by itself", async () => {
  const port = new URL(server.url).port
  await server.kill()
  server = await world.serve({ port })
  await say("LEN")
  await eventually(async () => {
    const [session] = await sessions()
    const last = (await api.messages(session.id)).at(-1)
    return last.info.role === "assistant" && last.info.finish === "length"
  }, 30000)
  // It comes back to the event stream on its own time, and does not ask for what it missed: what is said then is shown,
  // without a key being pressed.
  const [session] = await sessions()
  let times = 0
  await eventually(async () => {
    await api.prompt(session.id, `TOOL:[["bash",{"command":"echo after-restart-${++times}","description":"x"}]]`)
    return tui.until("$ echo after-restart-", 1000).catch(() => false)
  }, 30000)
})

test("a new session is opened and deleted again", async () => {
  await tui.press(["C-x", "n"], "Ask anything")
  await say("second session")
  await eventually(async () => (await sessions()).length === 2, 30000)
  await tui.until("word7")
  await tui.press(["C-x", "l"], "Search")
  await tui.press(["C-d"], /again to confirm|confirm/i)
  tui.keys("C-d")
  await eventually(async () => (await sessions()).length === 1, 30000)
})
