// One session: what is said and done in it, and what a person does there.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { startScriptedModel } from "../support/scripted.mjs"
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

const at = (session, rest = "") => `${web.url}/s/${session}${rest}`
const box = (page) => page.getByRole("textbox", { name: "Message" })
const send = (page) => page.locator(".composer .send")

test("a finished turn reads as what was asked, thought, done and said; an edit shows its lines", async () => {
  const session = await web.start("Fix the words", words.edit)
  await web.idle(session)
  const page = await browser.page(at(session))
  await page.getByRole("button", { name: "Read a.txt" }).waitFor()
  await page.getByText("Done.").waitFor()
  assert.equal(await page.locator("details.reasoning[open]").count(), 0, "reasoning is folded")
  assert.match(await page.locator(".patch tr.add").innerText(), /three/)
  await page.getByRole("button", { name: "Runs the tests" }).click()
  await page.getByText("14 passed", { exact: true }).waitFor()
  assert.deepEqual(page.problems, [])
  await picture(page, "session-desk")
  const phone = await browser.page(at(session), { size: "phone", theme: "dark" })
  await phone.getByText("Done.").waitFor()
  await picture(phone, "session-phone-dark")
})

test("who joins in the middle of an answer sees all of it, and what comes after", async () => {
  const session = await web.start("Slowly", "SLOW:60:100")
  await eventually(async () => JSON.stringify(await web.api.messages(session)).includes("word5"))
  const page = await browser.page(at(session))
  const all = Array.from({ length: 60 }, (_, i) => `word${i}`).join(" ")
  await eventually(async () => (await page.locator(".said").innerText().catch(() => "")).replace(/\s+/g, " ").trim() === all, 60_000)
})

test("Markdown is shown as such, code in colours, and what could harm is not there", async () => {
  const file = join(web.world.root, "answers.json")
  const text =
    "# Title\n\n- one\n- two\n\n```ts\nconst answer: number = 42\n```\n\n<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> ![pixel](http://192.0.2.1/p.png) [link](javascript:alert(1)) <b style=\"position:fixed\">bold</b>"
  writeFileSync(file, JSON.stringify({ name: "Markdown", rules: [], otherwise: { text } }))
  const model = await startScriptedModel(["--scenario", file])
  const provider = { markdown: { npm: "@ai-sdk/openai-compatible", options: { baseURL: `${model.url}/v1`, apiKey: "key" }, models: { markdown: { name: "Markdown" } } } }
  const other = await webWorld({ config: { model: "markdown/markdown", provider } })
  try {
    const session = await other.start("Words", "say it")
    await other.idle(session)
    const page = await browser.page(`${other.url}/s/${session}`)
    const said = page.locator(".said")
    await said.getByRole("heading", { name: "Title" }).waitFor()
    assert.equal(await said.getByRole("listitem").count(), 2)
    await said.locator(".hljs-keyword").waitFor()
    assert.equal(await said.locator("img, script, [style], [onerror], a[href^=javascript]").count(), 0)
    assert.equal(await page.title(), "Quarterdeck")
    assert.deepEqual(page.problems, [])
    await picture(page, "session-markdown")
  } finally {
    await other.close()
    await model.stop()
  }
})

test("a permission is answered in the session; the turn goes on under one's eyes", async () => {
  const session = await web.start("Make it", words.harmless)
  const page = await browser.page(at(session), { size: "phone" })
  await page.getByRole("region", { name: "Permission request" }).getByText("mkdir out").waitFor()
  await page.getByText("waits for you").waitFor()
  await picture(page, "session-permission-phone")
  await page.getByRole("button", { name: "Allow once" }).click()
  await page.getByText("Done.").waitFor()
  assert.equal(await page.getByRole("region", { name: "Permission request" }).count(), 0)
})

test("“always” says what it will allow before it does", async () => {
  const session = await web.start("Always", 'TOOL:[["bash",{"command":"touch one","description":"Touches"}]]')
  const page = await browser.page(at(session))
  await page.getByRole("button", { name: "Always allow…" }).click()
  await page.getByText("touch *").waitFor()
  await page.getByRole("button", { name: "Always allow this" }).click()
  await web.idle(session)
  const settings = await browser.page(`${web.url}/settings`)
  await settings.getByText("touch *").waitFor()
  await settings.getByRole("listitem").filter({ hasText: "touch *" }).getByRole("button", { name: "Remove" }).click()
  await settings.getByText("touch *").waitFor({ state: "detached" })
})

test("a question is answered by choosing, or in one's own words", async () => {
  const session = await web.start("Ask me", words.question)
  const page = await browser.page(at(session))
  const card = page.getByRole("form", { name: "Question" })
  await card.getByText("Which database should the cache use?").waitFor()
  assert.ok(await card.getByRole("button", { name: "Answer" }).isDisabled())
  await card.getByPlaceholder("Something else").fill("A paper notebook")
  await card.getByRole("button", { name: "Answer" }).click()
  await web.idle(session)
  assert.match(JSON.stringify(await web.api.messages(session)), /A paper notebook/)
})

test("while it works a message waits in the queue, can be taken back, or interrupts", async () => {
  const session = await web.start("Busy", words.slow)
  const page = await browser.page(at(session))
  await page.getByText(/word1/).waitFor()
  await box(page).fill("later please")
  await page.keyboard.press("Enter")
  await page.getByText("1 message queued").waitFor()
  await page.getByRole("button", { name: "Take back the last" }).click()
  await page.getByText("1 message queued").waitFor({ state: "detached" })
  await page.getByLabel("When").selectOption("interrupt")
  await box(page).fill("hello now")
  await send(page).click()
  await web.idle(session)
  await page.locator(".asked-text", { hasText: "hello now" }).waitFor()
  await page.getByText("Stopped", { exact: true }).waitFor()
})

test("half-written text is still there after a reload; @ completes a file and sends it along", async () => {
  const session = (await web.api.session({ title: "Draft" })).id
  const page = await browser.page(at(session))
  await box(page).pressSequentially("look at @a.t")
  await page.getByRole("option", { name: "a.txt" }).waitFor()
  await page.keyboard.press("Enter")
  await eventually(async () => (await box(page).inputValue()) === "look at @a.txt ")
  await page.reload()
  await eventually(async () => (await box(page).inputValue()) === "look at @a.txt ")
  await send(page).click()
  await page.getByText(/word0/).waitFor()
  const parts = (await web.api.messages(session))[0].parts
  assert.ok(parts.some((part) => part.type === "file" && part.filename === "a.txt"), JSON.stringify(parts))
})

test("/ completes a command and runs it", async () => {
  const session = (await web.api.session({ title: "Command" })).id
  const page = await browser.page(at(session))
  await box(page).pressSequentially("/rev")
  await page.getByRole("option", { name: "/review" }).waitFor()
  await page.keyboard.press("Tab")
  await page.keyboard.press("Enter")
  await eventually(async () => (await web.api.messages(session)).length >= 2, 30_000)
})

test("a picture that is attached goes along and is shown", async () => {
  const session = (await web.api.session({ title: "Picture" })).id
  const page = await browser.page(at(session))
  const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64")
  await page.locator(".composer input[type=file]").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: png })
  await page.getByText("dot.png").waitFor()
  await box(page).fill("what is this")
  await send(page).click()
  await page.getByRole("img", { name: "dot.png" }).waitFor()
  assert.deepEqual(page.problems, [])
})

test("rename, fork and delete", async () => {
  const session = await web.start("Old name", "hello")
  await web.idle(session)
  const page = await browser.page(at(session))
  await page.getByRole("button", { name: "More" }).click()
  await page.getByRole("menuitem", { name: "Rename" }).click()
  await page.getByRole("textbox", { name: "Title" }).fill("New name")
  await page.getByRole("button", { name: "Rename" }).click()
  await page.getByRole("heading", { name: "New name" }).waitFor()
  await page.getByRole("button", { name: "More" }).click()
  await page.getByRole("menuitem", { name: "Fork" }).click()
  await page.getByRole("heading", { name: "New name (fork #1)" }).waitFor()
  await page.getByRole("button", { name: "More" }).click()
  await page.getByRole("menuitem", { name: "Delete" }).click()
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click()
  await page.locator(".roster").waitFor()
  assert.equal(await page.getByText("New name (fork #1)").count(), 0)
})

test("a message is taken back with what it did to the files, and restored", async () => {
  writeFileSync(join(web.world.directory, "a.txt"), "one\ntwo\n")
  const session = await web.start("Take it back", words.edit)
  await web.idle(session)
  const page = await browser.page(at(session))
  await page.getByText("Done.").waitFor()
  await page.getByRole("button", { name: "Revert" }).click()
  await page.getByText("Taken back to an earlier message").waitFor()
  const holds = (word) => eventually(async () => (await web.api.get("/file/content?path=a.txt")).body.content.includes(word), 30_000)
  await holds("two")
  await page.getByRole("button", { name: "Restore" }).click()
  await page.getByText("Done.").waitFor()
  await holds("three")
})

test("changes show by file; comments on lines reach the agent as one message", async () => {
  writeFileSync(join(web.world.directory, "a.txt"), "one\ntwo\n")
  const session = await web.start("Review me", words.edit)
  await web.idle(session)
  const page = await browser.page(at(session, "?tab=changes"))
  await page.getByRole("button", { name: /a\.txt/ }).waitFor()
  assert.equal(await page.locator(".patch mark").count() > 0 || (await page.locator(".patch tr.add").count()) > 0, true)
  await page.getByRole("button", { name: "Comment on line 2" }).click()
  await page.getByLabel("Comment on line 2").last().fill("Say four instead")
  await page.getByRole("button", { name: "Add comment" }).click()
  await picture(page, "changes-desk")
  await page.getByRole("button", { name: "Send back (1)" }).click()
  await page.getByText("Say four instead").waitFor()
  const said = JSON.stringify(await web.api.messages(session))
  assert.match(said, /a\.txt:2/)
  await page.goto(at(session, "?tab=changes"))
  await page.getByLabel("Side by side").check()
  await page.locator("table.split").waitFor()
  await picture(page, "changes-split")
})

test("the terminal is a shell in the session's directory, and is the same after a reload", async () => {
  const session = (await web.api.session({ title: "Shell" })).id
  const page = await browser.page(at(session, "?tab=term"))
  const screen = page.locator(".xterm-rows")
  await page.getByRole("button", { name: "End shell" }).waitFor()
  await page.locator(".xterm-helper-textarea").focus()
  await page.keyboard.type("export SEEN=yes; pwd; echo $((6*7))\n")
  await eventually(async () => /\b42\b/.test(await screen.innerText()), 30_000)
  await picture(page, "terminal-desk")
  assert.deepEqual(page.problems, [])
  await page.reload()
  await page.getByRole("button", { name: "End shell" }).waitFor()
  await page.locator(".xterm-helper-textarea").focus()
  await page.keyboard.type("echo seen-$SEEN\n")
  await eventually(async () => (await screen.innerText()).includes("seen-yes"), 30_000)
  await page.getByRole("button", { name: "End shell" }).click()
  await page.getByText("The shell has ended").waitFor()
})

test("new work begins a session in the chosen folder, once", async () => {
  const page = await browser.page(`${web.url}/new`, { size: "phone" })
  await page.getByLabel("What should be done?").fill("hello from the form")
  await picture(page, "new-phone")
  await page.getByRole("button", { name: "Start" }).dblclick()
  await page.getByText(/word0/).waitFor()
  const found = (await web.api.get("/experimental/session")).body
  const begun = await Promise.all(found.map(async (each) => JSON.stringify(await web.api.messages(each.id)).includes("hello from the form")))
  assert.equal(begun.filter(Boolean).length, 1)
})

test("a session of two thousand messages opens at its end, with few elements, and pages back", async () => {
  const session = (await web.api.session({ title: "Long" })).id
  for (let i = 0; i < 400; i += 20) {
    await Promise.all(
      Array.from({ length: 20 }, (_, k) => web.api.post(`/session/${session}/message`, { noReply: true, parts: [{ type: "text", text: `line ${i + k} of many` }] })),
    )
  }
  const page = await browser.page(at(session))
  const log = page.getByRole("log")
  await page.getByText(/of many/).last().waitFor()
  assert.ok((await page.locator("*").count()) < 1500)
  const newest = (await web.api.messages(session)).at(-1).parts[0].text
  await page.getByText(newest, { exact: true }).waitFor()
  await log.hover()
  const oldest = (await web.api.messages(session))[0].parts[0].text
  await eventually(async () => {
    await page.mouse.wheel(0, -20_000)
    return (await page.getByText(oldest, { exact: true }).count()) > 0
  }, 60_000)
})

test("an address of a session that is not there says so", async () => {
  const page = await browser.page(at("ses_000000000000000000000000000"))
  await page.getByText("This session cannot be shown").waitFor()
})
