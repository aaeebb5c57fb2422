// How a browser becomes somebody: the one-time link of `quarterdeck pair`, and of the first start.
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { resolve } from "node:path"
import { after, before, test } from "node:test"
import { promisify } from "node:util"
import { makeWorld } from "../support/server.mjs"
import { openTerminal } from "../support/terminal.mjs"
import { openBrowser } from "./browser.mjs"

const bin = resolve(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
const password = "sword fish"
let world, server, browser
before(async () => {
  world = await makeWorld()
  server = await world.serve({ env: { OPENCODE_SERVER_PASSWORD: password } })
  browser = await openBrowser()
})
after(async () => {
  await browser?.close()
  await world?.close()
})

const pair = async () => (await promisify(execFile)(bin, ["pair", "--attach", server.url], { env: { ...world.env, LC_ALL: "C.UTF-8" } })).stdout

test("pairing opens a signed-in browser, once, and leaves nothing of the secret in the address", async () => {
  const printed = await pair()
  const link = /http:\S+\/sign-in#qd_\S+/.exec(printed)?.[0]
  assert.ok(link, printed)
  assert.match(printed, /█.*\n.*█/, "a QR code")
  const page = await browser.page(link, { size: "phone" })
  await page.getByRole("button", { name: "Sign in" }).click()
  await page.waitForURL(server.url + "/")
  await page.getByText("No sessions yet").waitFor()
  assert.deepEqual(page.problems, [])
  const [cookie] = await page.context().cookies()
  assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Strict"])
  assert.equal(await page.evaluate(() => document.cookie), "")
  const who = await page.evaluate(async () => (await fetch("/fleet/principal")).json())
  assert.deepEqual([who.role, who.name], ["admin", "link"])

  const second = await browser.page(link)
  await second.getByRole("button", { name: "Sign in" }).click()
  await second.getByText("not valid, or was used before").waitFor()
  assert.equal((await second.context().cookies()).length, 0)
})

test("a server that phones reach prints link and code when a person starts it the first time", async () => {
  const other = await makeWorld()
  const start = () =>
    openTerminal({
      command: [bin, "serve", "--hostname", "0.0.0.0", "--port", "0"],
      cwd: other.directory,
      env: { ...other.env, TERM: "xterm-256color", LC_ALL: "C.UTF-8", OPENCODE_SERVER_PASSWORD: password },
      columns: 120,
      rows: 60,
    })
  const first = start()
  try {
    await first.until("/sign-in#qd_", 30_000)
  } finally {
    first.close()
    await other.close()
  }
})
