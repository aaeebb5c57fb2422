// The scripted model alone, on a free port.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { resolve as absolute } from "node:path"

export async function startScriptedModel(args = []) {
  const bin = absolute(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
  const child = spawn(bin, ["scripted-model", "--port", "0", ...args], { stdio: ["ignore", "pipe", "inherit"] })
  const url = await new Promise((resolve, reject) => {
    let output = ""
    child.stdout.on("data", (bytes) => {
      output += bytes
      const match = output.match(/(http:\/\/127\.0\.0\.1:\d+)/)
      if (match) resolve(match[1])
    })
    child.on("error", reject)
    child.on("exit", () => reject(new Error(`the scripted model ended: ${output}`)))
  })
  return {
    url,
    requests: async () => (await fetch(`${url}/requests`)).json(),
    async stop() {
      child.kill("SIGTERM")
      if (child.exitCode === null) await once(child, "exit")
    },
  }
}
