// Debian's Chromium, driven by Playwright, on a real server with the scripted model.
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { chromium } from "playwright-core"

export const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } }

const program = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => path && existsSync(path))

export async function openBrowser() {
  const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] })
  return {
    // A fresh browser profile; what the page complains about is collected in page.problems.
    async page(url, { size = "desk", theme = "light", ...more } = {}) {
      const context = await browser.newContext({ viewport: SIZES[size], colorScheme: theme, hasTouch: size === "phone", reducedMotion: "reduce", ...more })
      const page = await context.newPage()
      page.setDefaultTimeout(30_000)
      page.problems = []
      page.on("pageerror", (error) => page.problems.push(String(error)))
      page.on("console", (message) => message.type() === "error" && /Content Security Policy|Refused to/.test(message.text()) && page.problems.push(message.text()))
      if (url) await page.goto(url)
      return page
    },
    close: () => browser.close(),
  }
}

// For a person to look at: QD_SCREENSHOTS=directory.
export async function picture(page, name) {
  const directory = process.env.QD_SCREENSHOTS
  if (!directory) return
  mkdirSync(directory, { recursive: true })
  await page.screenshot({ path: join(directory, `${name}.png`) })
}
