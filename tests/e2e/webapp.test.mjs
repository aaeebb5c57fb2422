// OpenCode's web app, unchanged, in Chromium. OpenCode's own program serves the page, from another origin; its settings
// name our server, whose configuration lets that origin in.
import assert from "node:assert/strict"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { after, before, test } from "node:test"
import { chromium } from "playwright-core"
import { client, eventually, makeWorld } from "../support/server.mjs"

const opencode = resolve(process.env.OPENCODE_BIN ?? "tests/e2e/node_modules/.bin/opencode")
const executablePath =
  [process.env.CHROMIUM, "/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find((path) => path && existsSync(path))
const within = 30000
let host, app, world, server, api, chromiumServer, browser, page
const failed = []

before(async () => {
  assert.ok(executablePath, "no Chromium: script/setup test installs it, CHROMIUM names another one")
  host = await makeWorld({ peer: opencode })
  app = await host.serve()
  const { port } = new URL(app.url)
  // Not the loopback name: that one is let in without being on the list.
  const origin = `http://app.test:${port}`
  world = await makeWorld({ config: { permission: { bash: { "*": "allow", "touch *": "ask" } } } })
  const settings = join(world.home, ".config/opencode")
  mkdirSync(settings, { recursive: true })
  writeFileSync(join(settings, "opencode.json"), JSON.stringify({ server: { cors: [origin] } }))
  server = await world.serve()
  api = client(server.url)
  chromiumServer = await chromium.launchServer({
    executablePath,
    args: [
      "--no-sandbox",
      "--host-resolver-rules=MAP *.test 127.0.0.1",
      `--unsafely-treat-insecure-origin-as-secure=${origin}`,
    ],
  })
  browser = await chromium.connect(chromiumServer.wsEndpoint())
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } })
  context.setDefaultTimeout(within)
  await context.addInitScript(
    ([url, worktree]) => {
      localStorage.setItem("opencode.settings.dat:defaultServerUrl", url)
      const projects = { [url]: [{ worktree, expanded: true }] }
      localStorage.setItem("opencode.global.dat:server", JSON.stringify({ list: [url], projects }))
    },
    [server.url, world.directory],
  )
  page = await context.newPage()
  page.on("response", (answer) => {
    if (answer.url().startsWith(server.url) && answer.status() >= 400) failed.push(`${answer.status()} ${answer.url()}`)
  })
  page.on("requestfailed", (request) => {
    const reason = request.failure().errorText
    if (request.url().startsWith(server.url) && reason !== "net::ERR_ABORTED") failed.push(`${reason} ${request.url()}`)
  })
  await page.goto(origin)
})
after(async () => {
  // A page that is busy asking keeps the browser from closing, and OpenCode's server spins instead of ending.
  await chromiumServer?.kill()
  await app?.kill()
  await world?.close()
  await host?.close()
})

const sessions = async () => (await api.get("/session?roots=true")).body
const shows = (text) => page.getByText(text).last().waitFor()
const gone = (locator) => locator.waitFor({ state: "detached" })
const button = (name) => page.getByRole("button", { name, exact: true })
async function say(text) {
  await page.locator("[contenteditable=true]").first().fill(text)
  await page.locator("[data-action=prompt-submit]").click()
}

test("it shows the project, with its branch", async () => {
  await page.getByRole("button", { name: "project" }).first().waitFor()
  await page.getByText("New session").first().click()
  await shows("main")
})

test("a prompt makes a session and is answered on the page, and the session gets its title", async () => {
  await say("hello there")
  await shows("word0 word1 word2 word3 word4 word5 word6 word7")
  const [session] = await sessions()
  assert.deepEqual((await api.messages(session.id)).map((m) => m.info.role), ["user", "assistant"])
  assert.equal(await page.getByText("hello there", { exact: true }).count(), 1)
  const { title } = await eventually(async () => {
    const now = (await api.get(`/session/${session.id}`)).body
    return !now.title.startsWith("New session") && now
  }, within)
  await shows(title)
})

test("a permission is asked and allowed, another denied", async () => {
  await say('TOOL:[["bash",{"command":"touch allowed","description":"make it"}]]')
  await shows("Permission required")
  assert.ok(!existsSync(join(world.directory, "allowed")))
  await button("Allow once").click()
  await gone(page.getByText("Permission required"))
  await eventually(() => existsSync(join(world.directory, "allowed")), within)
  await eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, within)

  await say('TOOL:[["bash",{"command":"touch denied","description":"make it"}]]')
  await shows("Permission required")
  await button("Deny").click()
  await gone(page.getByText("Permission required"))
  await eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, within)
  assert.ok(!existsSync(join(world.directory, "denied")))
})

test("a question is shown and answered", async () => {
  const question = { question: "Which colour?", header: "Colour", options: [{ label: "Red", description: "warm" }, { label: "Blue", description: "cold" }] }
  await say(`TOOL:${JSON.stringify([["question", { questions: [question] }]])}`)
  await page.getByText("Select one answer").waitFor()
  await page.getByText("Blue", { exact: true }).click()
  await button("Submit").click()
  await shows("1 answered")
  const [session] = await sessions()
  const parts = (await api.messages(session.id)).flatMap((m) => m.parts)
  assert.deepEqual(parts.find((p) => p.tool === "question").state.metadata.answers, [["Blue"]])
})

test("a running answer is stopped", async () => {
  await say("SLOW:2000:20")
  await shows(/word5 /)
  await button("Stop").click()
  await eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, within)
  const [session] = await sessions()
  assert.equal((await api.messages(session.id)).at(-1).info.error.name, "MessageAbortedError")
})

test("review shows what has changed", async () => {
  await say('TOOL:[["edit",{"filePath":"a.txt","oldString":"two","newString":"zwei"}]]')
  await eventually(async () => JSON.stringify((await api.get("/vcs/diff?mode=git")).body).includes("zwei"), within)
  await button("Toggle review").click()
  await shows("Files Changed 2")
  await page.getByText("a.txt").last().click()
  await page.getByText("zwei").last().waitFor()
})

test("a terminal is opened, typed into and read", async () => {
  await page.keyboard.press("Control+`")
  await button("Close terminal").waitFor()
  const [{ id }] = await eventually(async () => {
    const open = (await api.get("/pty")).body
    return open.length === 1 && open
  }, within)
  // Its text is painted, not in the page: what it does is looked at.
  await page.locator("[data-component=terminal]").last().click()
  for (let times = 0; !existsSync(join(world.directory, "typed")); times++) {
    assert.ok(times < 20, "nothing that was typed arrived")
    await page.keyboard.type("echo $((40+2)) > typed")
    await page.keyboard.press("Enter")
    await eventually(() => existsSync(join(world.directory, "typed")), 3000).catch(() => {})
  }
  await button("Close terminal").click()
  await eventually(async () => !(await api.get("/pty")).body.some((pty) => pty.id === id), within)
})

test("the session is renamed, and found on the home page", async () => {
  await button("More options").last().click()
  await page.getByRole("menuitem", { name: "Rename" }).click()
  await page.keyboard.press("Control+a")
  await page.keyboard.type("named by hand")
  await page.keyboard.press("Enter")
  await eventually(async () => (await sessions())[0].title === "named by hand", within)
  const other = await api.session({ title: "made by another client" })
  await button("Home").click()
  await shows("named by hand")
  // What other clients make is listed when the page is loaded, as with OpenCode's own server.
  await page.reload()
  await page.getByText("made by another client").last().click()
  await page.waitForURL((url) => url.pathname.endsWith(other.id))
})

test("history is there after a reload, and a session is deleted", async () => {
  const { id } = (await sessions()).find((s) => s.title === "named by hand")
  const path = new URL(page.url()).pathname.replace(/[^/]*$/, id)
  await page.goto(new URL(path, page.url()).href)
  await shows("Done.")
  await button("More options").last().click()
  await page.getByRole("menuitem", { name: "Delete" }).click()
  await page.getByRole("dialog").getByRole("button", { name: /delete/i }).click()
  await eventually(async () => !(await sessions()).some((s) => s.id === id), within)
})

test("no request of the page was refused", () => assert.deepEqual(failed, []))

test("a page of an origin that is not on the list is not let in", async () => {
  const stranger = await browser.newPage()
  await stranger.goto(new URL(page.url()).origin.replace("app.test", "other.test"))
  const answer = await stranger.evaluate(
    (url) => fetch(`${url}/session`).then((r) => `status ${r.status}`, (error) => error.name),
    server.url,
  )
  assert.equal(answer, "TypeError")
})
