// Every screen, in both sizes and both themes, has no violation that axe finds (WCAG 2.2 AA and best practice).
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { after, before, test } from "node:test"
import { openBrowser, picture, SIZES } from "./browser.mjs"
import { webWorld, words } from "./world.mjs"

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
let web, browser
const sessions = {}
before(async () => {
  web = await webWorld()
  browser = await openBrowser()
  sessions.edit = await web.start("Fix the words", words.edit)
  await web.idle(sessions.edit)
  sessions.risky = await web.start("Roll back checkout", words.risky)
  sessions.permission = (await web.asked("permission", sessions.risky)).id
  sessions.asking = await web.start("Choose a database", words.question)
  sessions.question = (await web.asked("question", sessions.asking)).id
  sessions.slow = await web.start("Migrate everything", words.slow)
})
after(async () => {
  await browser?.close()
  await web?.close()
})

const SCREENS = [
  ["home", () => "/", (page) => page.locator(".row").nth(3).waitFor()],
  ["review", () => "/review", (page) => page.locator(".row").first().waitFor()],
  ["nothing found", () => "/?q=nosuchthing", (page) => page.getByText("No session matches").waitFor()],
  ["approval sheet", () => "/", async (page) => {
    await page.getByRole("button", { name: "Review & allow" }).click()
    await page.getByRole("dialog").getByText("High risk").waitFor()
  }],
  ["palette", () => "/", async (page) => {
    await page.locator(".row").nth(3).waitFor()
    await page.keyboard.press("Control+k")
    await page.getByRole("combobox", { name: "Go to" }).waitFor()
  }],
  ["keys", () => "/", async (page) => {
    await page.locator(".row").nth(3).waitFor()
    await page.keyboard.press("?")
    await page.getByRole("heading", { name: "Keys" }).waitFor()
  }],
  ["session", () => `/s/${sessions.edit}`, (page) => page.getByText("Done.").waitFor()],
  ["working session", () => `/s/${sessions.slow}`, (page) => page.getByText(/word1/).first().waitFor()],
  ["session that asks permission", () => `/s/${sessions.risky}`, (page) => page.getByText("High risk").waitFor()],
  ["session that asks a question", () => `/s/${sessions.asking}`, (page) => page.getByRole("form", { name: "Question" }).waitFor()],
  ["changes", () => `/s/${sessions.edit}?tab=changes`, (page) => page.locator(".patch tr.add").waitFor()],
  ["digest", () => `/s/${sessions.edit}?tab=digest`, (page) => page.getByText("From the beginning").waitFor()],
  ["evidence", () => `/s/${sessions.edit}?tab=evidence`, (page) => page.locator(".page.info[aria-busy=false]").waitFor()],
  ["info", () => `/s/${sessions.edit}?tab=info`, (page) => page.getByText("Directory").waitFor()],
  ["terminal", () => `/s/${sessions.edit}?tab=term`, (page) => page.getByRole("button", { name: "End shell" }).waitFor()],
  ["one request", () => `/a/${sessions.permission}`, (page) => page.getByText("High risk").waitFor()],
  ["one question", () => `/a/${sessions.question}`, (page) => page.getByRole("form", { name: "Question" }).waitFor()],
  ["new work", () => "/new", (page) => page.getByRole("button", { name: "Start" }).waitFor()],
  ["settings", () => "/settings", (page) => page.getByText("Does the work").waitFor()],
]

for (const size of Object.keys(SIZES)) {
  for (const theme of ["light", "dark"]) {
    test(`no violation on a ${size}, ${theme}`, async () => {
      const found = []
      for (const [name, path, ready] of SCREENS) {
        const page = await browser.page(web.url + path(), { size, theme, bypassCSP: true })
        await ready(page)
        await picture(page, `axe-${name.replaceAll(" ", "-")}-${size}-${theme}`)
        await page.evaluate(axe)
        const { violations } = await page.evaluate(() =>
          globalThis.axe.run({ exclude: [".xterm"] }, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
        )
        for (const each of violations) found.push(`${name}: ${each.id}: ${each.nodes.map((node) => `${node.target} ${node.failureSummary.split("\n")[1] ?? ""}`).slice(0, 4).join(" | ")}`)
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)
        if (wide) found.push(`${name}: wider than the screen`)
        await page.context().close()
      }
      assert.deepEqual(found, [])
    })
  }
}
