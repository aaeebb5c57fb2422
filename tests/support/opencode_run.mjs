// The npm package opencode-ai as `opencode run --attach`.
import { spawn } from "node:child_process"
import { resolve } from "node:path"

export const opencode = resolve(process.env.OPENCODE_BIN ?? "tests/e2e/node_modules/.bin/opencode")

// Resolves to {code, out, err, lines}: what it printed, and the JSON lines of that. `input` becomes the prompt word for
// word; a prompt given as an argument is quoted by the client when it holds spaces.
export function runAttached(world, url, args, { input, format = "json", env = {} } = {}) {
  const child = spawn(opencode, ["run", "--attach", url, "--format", format, ...args], {
    cwd: world.directory,
    env: { ...world.env, OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1", ...env },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  })
  child.stdin?.end(input)
  let out = ""
  let err = ""
  child.stdout.on("data", (bytes) => (out += bytes))
  child.stderr.on("data", (bytes) => (err += bytes))
  return new Promise((ended, reject) => {
    child.on("error", reject)
    child.on("close", (code) => {
      const lines = out.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
      ended({ code, out, err, lines })
    })
  })
}
