// Work handed over, requests answered by several people at once, what the agent says beside what the server saw.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { existsSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startScriptedModel } from "../support/scripted.mjs"
import { eventually } from "../support/server.mjs"
import { openBrowser, picture } from "./browser.mjs"
import { webWorld } from "./world.mjs"

const bash = (command, description) => ({ name: "bash", arguments: { command, description } })
const write = (file, content) => ({ name: "write", arguments: { filePath: `{{directory}}/${file}`, content } })
const step = (user_contains, step, reply) => ({ when: { user_contains, step }, reply })
const SCENARIO = {
  name: "Supervised",
  rules: [
    step("prove", 0, { text: "I run the tests.", tool_calls: [bash("node --test --test-name-pattern=none /dev/null", "Runs the tests")] }),
    step("prove", 1, { text: "All tests pass. The build passes." }),
    step("make the directory", 0, { tool_calls: [bash("mkdir out", "Makes a directory")] }),
    step("two files", 0, { tool_calls: [write("first.txt", "one\n")] }),
    step("two files", 1, { tool_calls: [write("second.txt", "two\n")] }),
  ],
  otherwise: { text: "Done." },
}

let web, browser, model
before(async () => {
  const file = join(tmpdir(), `quarterdeck-scenario-${process.pid}.json`)
  writeFileSync(file, JSON.stringify(SCENARIO))
  model = await startScriptedModel(["--scenario", file])
  const provider = { supervised: { npm: "@ai-sdk/openai-compatible", options: { baseURL: `${model.url}/v1`, apiKey: "key" }, models: { supervised: { name: "Supervised" } } } }
  web = await webWorld({ config: { model: "supervised/supervised", provider, permission: { bash: { "*": "allow", "mkdir *": "ask" } } } })
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await web?.close()
  await model?.stop()
})

const fleet = async (session) => (await web.api.get(`/fleet/session/${session}`)).body
const unseen = { serviceWorkers: "block" } // requests that a service worker makes cannot be routed
const here = (page) => new URL(page.url()).pathname.split("/")[2]

test("what is pasted is handed over with its refs, priority, budget and worktree: once, however often it is tapped", async () => {
  const page = await browser.page(`${web.url}/new`, { size: "phone" })
  await page.getByLabel("What should be done?").fill("Fix it\nhttps://linear.app/acme/issue/eng-42/checkout\nSHOP-API-1F\nhttps://acme.slack.com/archives/C9/p1712345678901234")
  const refs = page.getByRole("list", { name: "What it is about" })
  await refs.getByText("C9/1712345678.901234").waitFor()
  await page.getByLabel("Priority").selectOption("P1")
  await page.getByLabel("Budget in US$").fill("-1")
  await page.getByText("A number above 0").waitFor()
  assert.ok(await page.getByRole("button", { name: "Start" }).isDisabled())
  await page.getByLabel("Budget in US$").fill("2.5")
  await refs.getByRole("button", { name: "Not about SHOP-API-1F" }).click()
  await picture(page, "handoff-phone")
  await page.getByRole("button", { name: "Start" }).dblclick()
  await page.waitForURL(/\/s\/ses_/)
  await page.getByText("Done.").waitFor()
  const made = await fleet(here(page))
  assert.deepEqual(made.refs.map((ref) => `${ref.system} ${ref.id}`), ["linear ENG-42", "slack C9/1712345678.901234"])
  assert.equal(made.priority, "P1")
  assert.equal(made.budget.cost_usd, 2.5)
  assert.match(made.directory, /\/worktree\//)
  assert.equal((await web.api.get("/fleet/roster")).body.sessions.length, 1)
  await page.getByText("project", { exact: true }).first().waitFor({ state: "attached" })

  // The same issue again leads to the session that is there; all the same is said, not done.
  const again = await browser.page(`${web.url}/new?text=${encodeURIComponent("https://linear.app/acme/issue/ENG-42")}`)
  await again.getByLabel(/In a worktree/).uncheck()
  await again.getByRole("button", { name: "Start" }).click()
  await again.getByText("Somebody works on this already").waitFor()
  await picture(again, "handoff-desk")
  await again.getByRole("button", { name: "Start anyway" }).click()
  await again.waitForURL(/\/s\/ses_/)
  assert.notEqual(here(again), made.sessionID)
  assert.equal((await fleet(here(again))).directory, web.world.directory)
})

test("two people at one request: one answers, the other is told so calmly, on every page", async () => {
  const session = await web.start("Make a directory", "make the directory")
  const request = (await web.asked("permission", session)).id
  const link = await browser.page(`${web.url}/a/${request}`, { size: "phone" })
  const row = await browser.page(web.url, unseen)
  await link.getByText("mkdir out").waitFor()
  const allow = row.locator(".row", { hasText: "Make a directory" }).getByRole("button", { name: "Allow once" })
  await allow.waitFor()
  // Who has not heard of it yet taps all the same.
  await row.route("**/answer", async (route) => {
    await web.api.post(`/fleet/request/${request}/answer`, { reply: "once" })
    await route.continue()
  })
  await allow.click()
  await row.getByText("Somebody else has answered it meanwhile").waitFor()
  await link.locator("p", { hasText: "Answered elsewhere: allowed once" }).waitFor()
  await picture(link, "answered-elsewhere-phone")
  await web.idle(session)
  assert.equal(await row.locator(".notice.bad").count(), 0)
})

test("what was shown is what is approved: an answer carries its hash, and one to anything else is refused", async () => {
  const session = await web.start("Hash of it", "make the directory again")
  const request = (await web.asked("permission", session)).id
  const page = await browser.page(`${web.url}/a/${request}`, unseen)
  const bodies = []
  await page.route("**/answer", async (route) => {
    const body = route.request().postDataJSON()
    bodies.push(body)
    await route.continue(bodies.length === 1 ? { postData: JSON.stringify({ ...body, hash: "of something else" }) } : {})
  })
  await page.getByRole("button", { name: "Allow once" }).click()
  await page.getByText("What it asks for has changed").waitFor()
  assert.equal((await web.api.get(`/fleet/request/${request}`)).body.hash, bodies[0].hash)
  await page.getByRole("button", { name: "Allow once" }).click()
  await page.getByText("You answered this: allowed once").waitFor()
  await web.idle(session)
})

test("digest and evidence show what ran, and mark what is only said, in words", async () => {
  const session = await web.start("Prove it", "prove it")
  await web.idle(session)
  const page = await browser.page(`${web.url}/s/${session}?tab=evidence`)
  await page.getByText("Not verified").waitFor()
  await page.getByRole("listitem").filter({ hasText: "“All tests pass”" }).getByText("Verified", { exact: true }).waitFor()
  await page.getByText("test passed (0)").waitFor()
  await picture(page, "evidence-desk")
  const phone = await browser.page(`${web.url}/s/${session}?tab=evidence`, { size: "phone", theme: "dark" })
  await phone.getByText("Not verified").waitFor()
  await picture(phone, "evidence-phone")
  await phone.getByRole("tab", { name: "Digest" }).click()
  await phone.getByText("From the beginning").waitFor()
  await phone.getByText("prove it", { exact: true }).first().waitFor()
  await picture(phone, "digest-phone")
  await phone.getByRole("button", { name: "Mark as read" }).click()
  await phone.getByText("Since you last read it").waitFor()
  await phone.getByRole("button", { name: "All of it" }).click()
  await phone.getByText("From the beginning").waitFor()
  await page.getByRole("tab", { name: "Digest" }).click()
  await page.getByText("Says, and nothing shows it").waitFor()
  await picture(page, "digest-desk")
  assert.deepEqual([...page.problems, ...phone.problems], [])
})

test("changes are seen by step; the files are rolled back after a question, and it can be undone", async () => {
  const session = await web.start("Two files", "write two files")
  const steps = await eventually(async () => {
    const { checkpoints } = (await web.api.get(`/fleet/session/${session}/commits`)).body
    return checkpoints?.filter((each) => each.kind === "step").length === 2 && checkpoints
  }, 60_000)
  await web.idle(session)
  const page = await browser.page(`${web.url}/s/${session}?tab=changes`)
  await page.getByRole("button", { name: /second\.txt/ }).waitFor()
  const first = steps.find((each) => each.kind === "step" && each.files === 1 && steps.some((start) => start.kind === "start" && start.id === each.parent))
  const compare = page.getByLabel("What to compare")
  await eventually(async () => (await compare.locator("optgroup[label=Steps] option").count()) >= 3, 30_000)
  await compare.selectOption(`${first.parent}..${first.id}`)
  await page.getByRole("button", { name: /second\.txt/ }).waitFor({ state: "detached" })
  await page.locator(".patch tr.add").getByText("one").waitFor()
  await page.getByRole("button", { name: "Roll back…" }).click()
  const dialog = page.getByRole("dialog", { name: "Roll the files back?" })
  await picture(page, "rollback-desk")
  await dialog.getByRole("button", { name: "Roll back" }).click()
  const there = (file) => existsSync(join(web.world.directory, file))
  await eventually(async () => there("first.txt") && !there("second.txt"), 30_000)
  await page.getByRole("button", { name: "Undo" }).click()
  await eventually(async () => there("second.txt"), 30_000)
  assert.deepEqual(page.problems, [])
})

test("several sessions get a priority at once; a word that was only said is found too", async () => {
  const titles = ["Several one", "Several two"]
  const sessions = await Promise.all(titles.map(async (title) => (await web.api.session({ title })).id))
  const page = await browser.page(web.url, { size: "phone" })
  await page.locator(".row", { hasText: titles[0] }).waitFor()
  await page.getByRole("button", { name: "Select" }).click()
  for (const title of titles) await page.getByLabel(`Select ${title}`).check()
  await page.getByText("2 sessions selected").waitFor()
  await picture(page, "bulk-phone")
  await page.getByLabel("Priority of the selected").selectOption("P1")
  await eventually(async () => (await Promise.all(sessions.map(fleet))).every((each) => each.priority === "P1"), 30_000)
  await web.api.post(`/session/${sessions[0]}/message`, { noReply: true, parts: [{ type: "text", text: "beware of the xylophone" }] })
  const search = page.getByRole("searchbox", { name: "Search sessions" })
  await eventually(async () => {
    await search.fill("")
    await search.fill("xylophone")
    return page.locator(".hit", { hasText: titles[0] }).waitFor({ timeout: 5_000 }).then(() => true, () => false)
  }, 60_000)
  await picture(page, "search-phone")
  await page.locator(".hit").getByRole("link").first().click()
  await page.getByText("beware of the xylophone").waitFor()
  assert.deepEqual(page.problems, [])
})
