// Home: what a person sees and does without opening anything.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { eventually } from "../support/server.mjs"
import { openBrowser, picture } from "./browser.mjs"
import { webWorld, words } from "./world.mjs"

let web, browser
before(async () => {
  web = await webWorld()
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await web?.close()
})

const row = (page, title) => page.locator(".row", { hasText: title })
const group = (page, name) => page.locator(`.group[data-group=${name}]`)

test("the first screen takes at most three requests and sixty kilobytes before its data", async () => {
  const page = await browser.page()
  const loaded = []
  page.on("response", async (response) => {
    const type = response.request().resourceType()
    if (["document", "script", "stylesheet", "font"].includes(type)) loaded.push(Number(response.headers()["content-length"]))
  })
  await page.goto(web.url)
  await page.getByRole("heading", { level: 1 }).waitFor()
  assert.ok(loaded.length <= 3, `${loaded.length} requests`)
  const bytes = loaded.reduce((sum, each) => sum + each, 0)
  assert.ok(bytes > 1000 && bytes <= 60 * 1024, `${bytes} bytes`)
  assert.deepEqual(page.problems, [])
})

test("files are kept for ever by their hash, the page is asked for again, and scripts come from us alone", async () => {
  const index = await fetch(web.url, { headers: { "accept-encoding": "br" } })
  assert.equal(index.headers.get("cache-control"), "no-cache")
  assert.match(index.headers.get("content-security-policy"), /script-src 'self'; style-src 'self';/)
  const html = await index.text()
  assert.doesNotMatch(html, /<script(?![^>]*src=)|<style|style=/)
  const again = await fetch(web.url, { headers: { "if-none-match": index.headers.get("etag") } })
  assert.equal(again.status, 304)
  const script = await fetch(web.url + /src="(\/assets\/[^"]+)"/.exec(html)[1], { headers: { "accept-encoding": "br" } })
  assert.match(script.headers.get("cache-control"), /immutable/)
  assert.equal(script.headers.get("content-encoding"), "br")
  for (const path of ["/s/ses_1", "/new", "/settings", "/review", "/a/per_1"]) {
    assert.match((await fetch(web.url + path)).headers.get("content-type"), /text\/html/, path)
  }
  for (const path of ["/nothing", "/session/nothing", "/assets/none.js"]) {
    const missing = await fetch(web.url + path)
    assert.ok(missing.status >= 400, path)
    assert.match(missing.headers.get("content-type"), /json/, path)
  }
})

test("without sessions it says how to begin, not that something is missing", async () => {
  const page = await browser.page(web.url)
  await page.getByText("No sessions yet").waitFor()
  await page.getByRole("link", { name: "New work" }).last().waitFor()
  await picture(page, "roster-empty")
})

test("what needs a person stands first, with what it asks; what is done and what works below", async () => {
  const risky = await web.start("Roll back checkout", words.risky)
  await web.asked("permission", risky)
  const question = await web.start("Choose a database", words.question)
  await web.asked("question", question)
  const edit = await web.start("Fix the words", words.edit)
  await web.idle(edit)
  await web.start("Migrate everything", words.slow)
  const page = await browser.page(web.url)
  await page.getByRole("heading", { name: "2 need you" }).waitFor()
  const order = await page.locator(".group").evaluateAll((all) => all.map((each) => each.dataset.group))
  assert.deepEqual(order, ["needs", "review", "working"])
  assert.equal(await group(page, "needs").locator(".row").first().getAttribute("data-state"), "approve")
  await row(page, "Roll back checkout").getByText("kubectl rollout undo deploy/checkout -n prod").waitFor()
  await row(page, "Fix the words").getByText("+1").waitFor()
  await row(page, "Migrate everything").getByText(/word\d/).waitFor()
  assert.equal(await page.title(), "(2) Quarterdeck")
  await picture(page, "roster-desk")
  const phone = await browser.page(web.url, { size: "phone", theme: "dark" })
  await phone.getByRole("heading", { name: "2 need you" }).waitFor()
  const first = await row(phone, "Roll back checkout").boundingBox()
  assert.ok(first.y + first.height < 844, "the first that needs somebody is in the first screen")
  await picture(phone, "roster-phone-dark")
})

test("what is harmless is allowed by one tap in its row, and the command runs", async () => {
  const session = await web.start("Make a directory", words.harmless)
  const page = await browser.page(web.url, { size: "phone" })
  await row(page, "Make a directory").getByRole("button", { name: "Allow once" }).click()
  await web.idle(session)
  const messages = await web.api.messages(session)
  const tool = messages.flatMap((each) => each.parts).find((part) => part.type === "tool")
  assert.equal(tool.state.status, "completed")
  await row(page, "Make a directory").filter({ hasText: "Idle" }).waitFor()
})

test("what may change production opens a sheet and takes a second, worded tap; denying sends the note", async () => {
  const page = await browser.page(web.url)
  const risky = row(page, "Roll back checkout")
  assert.equal(await risky.getByRole("button", { name: "Allow once" }).count(), 0)
  await risky.getByRole("button", { name: "Review & allow" }).click()
  const sheet = page.getByRole("dialog")
  await sheet.getByText("High risk").waitFor()
  await sheet.getByRole("button", { name: "Allow once" }).click()
  await sheet.getByRole("button", { name: "Yes: may change production" }).waitFor()
  assert.equal((await web.api.get("/permission")).body.length, 1, "one tap has allowed nothing")
  await picture(page, "approval-sheet")
  await sheet.getByRole("button", { name: "Deny" }).click()
  await sheet.getByLabel("What should it do instead?").fill("Scale it up instead")
  await sheet.getByRole("button", { name: "Deny" }).click()
  await eventually(async () => (await web.api.get("/permission")).body.length === 0)
  await sheet.waitFor({ state: "detached" })
})

test("a choice is answered by one tap, or by its number", async () => {
  const page = await browser.page(web.url)
  const waiting = row(page, "Choose a database")
  await waiting.getByRole("link").focus()
  await page.keyboard.press("2")
  await eventually(async () => (await web.api.get("/question")).body.length === 0)
  await page.getByRole("heading", { name: "Nothing needs you" }).waitFor()
})

test("with the page open, a new request shows by itself, in the title too; and is answered from the keyboard", async () => {
  const page = await browser.page(web.url)
  await page.getByRole("heading", { name: "Nothing needs you" }).waitFor()
  const session = await web.start("Another directory", 'TOOL:[["bash",{"command":"mkdir other","description":"Makes another"}]]')
  await page.getByRole("heading", { name: "1 needs you" }).waitFor()
  await eventually(async () => (await page.title()) === "(1) Quarterdeck")
  await page.keyboard.press("j")
  await page.keyboard.press("a")
  await web.idle(session)
  await page.getByRole("heading", { name: "Nothing needs you" }).waitFor()
})

test("a subagent's request stands with its parent's session", async () => {
  const parent = await web.api.session({ title: "The whole feature" })
  const child = await web.api.session({ title: "A part of it", parentID: parent.id })
  await web.api.promptAsync(child.id, 'TOOL:[["bash",{"command":"mkdir part","description":"Makes a part"}]]')
  const page = await browser.page(web.url)
  await row(page, "The whole feature").getByText("mkdir part").waitFor()
  assert.equal(await page.getByText("A part of it").count(), 0)
  await row(page, "The whole feature").getByRole("button", { name: "Allow once" }).click()
  await web.idle(child.id)
})

test("search leaves what fits, and the palette goes to a session by a few letters", async () => {
  const page = await browser.page(web.url)
  await row(page, "Fix the words").waitFor()
  await page.keyboard.press("/")
  await page.keyboard.type("fix words")
  await eventually(async () => (await page.locator(".row").count()) === 1)
  assert.match(page.url(), /q=fix/)
  await page.keyboard.press("Escape")
  await page.keyboard.press("Control+k")
  await page.getByRole("combobox").fill("choose")
  await page.keyboard.press("Enter")
  await page.getByRole("heading", { name: "Choose a database" }).waitFor()
})

test("stopping from the row ends the turn", async () => {
  const page = await browser.page(web.url)
  await row(page, "Migrate everything").getByRole("button", { name: "Stop Migrate everything" }).click()
  await row(page, "Migrate everything").filter({ hasText: "Idle" }).waitFor()
  assert.deepEqual((await web.api.get("/session/status")).body, {})
})

test("a failed session needs somebody, with its reason, also in another browser, until it is nudged", async () => {
  const session = await web.start("Broken model", "ERR:400:1")
  const page = await browser.page(web.url)
  await row(page, "Broken model").filter({ hasText: "Failed" }).waitFor()
  const other = await browser.page(web.url, { size: "phone" })
  await group(other, "needs").getByText("Broken model").waitFor()
  await picture(other, "roster-failed-phone")
  await row(page, "Broken model").getByRole("button", { name: "Nudge" }).click()
  await group(page, "needs").waitFor({ state: "detached" })
  await group(other, "needs").waitFor({ state: "detached" })
  await web.idle(session)
})

test("a priority set from the keyboard goes before the others, and is the same for everybody", async () => {
  const first = await web.start("Older request", 'TOOL:[["bash",{"command":"mkdir older","description":"Older"}]]')
  await web.asked("permission", first)
  const second = await web.start("Urgent request", 'TOOL:[["bash",{"command":"mkdir urgent","description":"Urgent"}]]')
  await web.asked("permission", second)
  const page = await browser.page(web.url)
  await page.getByRole("heading", { name: "2 need you" }).waitFor()
  const titles = () => group(page, "needs").locator(".row-title").allInnerTexts()
  assert.match((await titles())[0], /Older/)
  await row(page, "Urgent request").getByRole("link").focus()
  await page.keyboard.press("p")
  await page.keyboard.press("0")
  await eventually(async () => /P0.*Urgent/s.test((await titles())[0]))
  const other = await browser.page(web.url, { size: "phone", theme: "dark" })
  await group(other, "needs").getByText("P0").waitFor()
  await picture(other, "roster-priority-phone")
  for (const title of ["Urgent request", "Older request"]) await row(page, title).getByRole("button", { name: "Allow once" }).click()
  await page.getByRole("heading", { name: "Nothing needs you" }).waitFor()
  await Promise.all([web.idle(first), web.idle(second)])
})

test("what was reviewed leaves the review, in every browser", async () => {
  const page = await browser.page(`${web.url}/review`)
  const other = await browser.page(`${web.url}/review`)
  await row(other, "Fix the words").waitFor()
  await row(page, "Fix the words").hover()
  await row(page, "Fix the words").getByRole("button", { name: "Mark Fix the words reviewed" }).click()
  await row(page, "Fix the words").waitFor({ state: "detached" })
  await other.reload()
  await other.getByRole("heading", { level: 1 }).waitFor()
  await row(other, "Fix the words").waitFor({ state: "detached" })
})

test("killed and started again, the page says so meanwhile and goes on by itself; the open request is still there", async () => {
  const session = await web.start("Survives", 'TOOL:[["bash",{"command":"mkdir kept","description":"Keeps"}]]')
  await web.asked("permission", session)
  const page = await browser.page(web.url)
  await row(page, "Survives").getByText("mkdir kept").waitFor()
  await web.server.kill()
  await page.getByText("Not connected").waitFor()
  await web.again()
  await page.getByText("Not connected").waitFor({ state: "detached" })
  await row(page, "Survives").getByRole("button", { name: "Allow once" }).click()
  await web.idle(session)
  assert.deepEqual(page.problems, [])
})
