// Starts what a test needs, for real: the scripted model, the server, a git repository, each on its own free port and
// in its own scratch home. `QUARTERDECK_BIN` names the server.
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve as absolute } from "node:path"
import { setTimeout as delay } from "node:timers/promises"

const bin = absolute(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")

// Runs until stopped; `ready` is matched against its output and resolves to the match.
// `wrap`: a command before the program, which it runs in its own process (unshare, sh -c "exec …").
// `group`: in a process group of its own, so that what it starts can be ended with it.
function start(args, { env, cwd, ready, program = bin, wrap = [], group = false }) {
  const [first, ...rest] = [...wrap, program, ...args]
  const child = spawn(first, rest, { env, cwd, stdio: ["ignore", "pipe", "pipe"], detached: group })
  let output = ""
  const started = new Promise((resolve, reject) => {
    const look = (bytes) => {
      output += bytes
      const match = output.match(ready)
      if (match) resolve(match)
    }
    child.stdout.on("data", look)
    child.stderr.on("data", look)
    child.on("error", reject)
    child.on("exit", (code, signal) => reject(new Error(`${args[0]} ended (${code ?? signal}):\n${output}`)))
  })
  return { child, started, output: () => output }
}

async function stop(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, "exit")
  child.kill(signal)
  await ended
}

// Ends a peer: OpenCode's program is a wrapper whose server may outlive it, or ignore SIGTERM, with our pipes open.
async function stopGroup(child) {
  const ended = once(child, "exit")
  try {
    process.kill(-child.pid, "SIGKILL")
  } catch (error) {
    if (error.code !== "ESRCH") throw error
  }
  if (child.exitCode === null && child.signalCode === null) await ended
}

export function git(directory, ...args) {
  return execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", ...args], {
    cwd: directory,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  })
}

function freePort() {
  return new Promise((resolve) => {
    const socket = createServer()
    socket.listen(0, "127.0.0.1", () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })
}

// A scratch world. `config` is merged into the project's opencode.json; `peer` is the program of another server that
// takes OpenCode's place.
export async function makeWorld({ config = {}, files = { "a.txt": "one\ntwo\n" }, peer } = {}) {
  const root = mkdtempSync(join(tmpdir(), "quarterdeck-test-"))
  const home = join(root, "home")
  const directory = join(root, "project")
  mkdirSync(home)
  mkdirSync(directory)
  const env = { PATH: process.env.PATH, HOME: home, LANG: "C.UTF-8", SHELL: "/bin/bash", TMPDIR: root }
  if (peer) {
    for (const off of ["AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD"]) env[`OPENCODE_DISABLE_${off}`] = "1"
  }
  for (const name of ["ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "ASAN_SYMBOLIZER_PATH"]) {
    if (process.env[name]) env[name] = process.env[name]
  }
  const model = start(["scripted-model", "--port", "0"], { env, cwd: root, ready: /(http:\/\/127\.0\.0\.1:\d+)/ })
  const modelURL = (await model.started)[1]

  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const settings = {
    model: "fake/fake",
    small_model: "fake/fake",
    share: "disabled",
    autoupdate: false,
    provider: {
      fake: {
        name: "Fake",
        npm: "@ai-sdk/openai-compatible",
        options: { baseURL: `${modelURL}/v1`, apiKey: "key" },
        models: { fake: { name: "Fake", tool_call: true, limit: { context: 200000, output: 8000 } } },
      },
    },
    ...config,
  }
  writeFileSync(join(directory, "opencode.json"), JSON.stringify(settings, null, 2))
  git(directory, "init", "-q", "-b", "main")
  git(directory, "add", ".")
  git(directory, "commit", "-q", "-m", "init")

  const servers = []
  const end = (child) => (peer ? stopGroup(child) : stop(child, "SIGTERM"))
  const world = {
    root,
    home,
    directory,
    env,
    modelURL,
    // Starts the server on this world's data; again after a stop for a restart (with `port`: where it was).
    async serve({ args = [], port = 0, env: more = {}, wrap } = {}) {
      const at = port || (peer ? await freePort() : 0)
      const server = start(["serve", "--port", String(at), ...args], {
        program: peer,
        group: Boolean(peer),
        wrap,
        env: { ...env, ...more },
        cwd: directory,
        ready: /listening on (http:\/\/[^\s]+)/,
      })
      servers.push(server.child)
      const url = (await server.started)[1]
      return {
        url,
        pid: server.child.pid,
        output: server.output,
        ended: once(server.child, "exit"),
        stop: () => end(server.child),
        kill: () => stop(server.child, "SIGKILL"),
      }
    },
    async modelRequests() {
      return (await fetch(`${modelURL}/requests`)).json()
    },
    async close() {
      for (const child of servers) await end(child)
      await stop(model.child, "SIGTERM")
      rmSync(root, { recursive: true, force: true })
    },
  }
  return world
}

// Plain requests: `api.post("/session", {})` answers {status, headers, body}.
export function client(url) {
  const call = async (method, path, body, headers = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    })
    const text = await response.text()
    let parsed = text
    try {
      parsed = JSON.parse(text)
    } catch {}
    return { status: response.status, headers: response.headers, body: parsed }
  }
  return {
    get: (path, headers) => call("GET", path, undefined, headers),
    post: (path, body, headers) => call("POST", path, body, headers),
    patch: (path, body, headers) => call("PATCH", path, body, headers),
    delete: (path, headers) => call("DELETE", path, undefined, headers),
    call,
    async session(body = {}) {
      return (await call("POST", "/session", body)).body
    },
    prompt: (session, text, more = {}) =>
      call("POST", `/session/${session}/message`, { parts: [{ type: "text", text }], ...more }),
    promptAsync: (session, text, more = {}) =>
      call("POST", `/session/${session}/prompt_async`, { parts: [{ type: "text", text }], ...more }),
    messages: async (session) => (await call("GET", `/session/${session}/message`)).body,
  }
}

// Follows a server's events. `until(predicate)` resolves to the first that fits, also among those already seen.
export function events(url, { path = "/event", lastEventID } = {}) {
  const abort = new AbortController()
  const seen = []
  const waiting = new Set()
  let failure
  const deliver = (event) => {
    seen.push(event)
    for (const check of [...waiting]) check()
  }
  const headers = lastEventID === undefined ? {} : { "last-event-id": String(lastEventID) }
  const connected = fetch(url + path, { signal: abort.signal, headers })
  const done = connected
    .then(async (response) => {
      let buffer = ""
      for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
        buffer += bytes
        for (let end; (end = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(end + 2)) {
          const frame = buffer.slice(0, end).split("\n")
          const data = frame.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n")
          const id = frame.find((line) => line.startsWith("id: "))?.slice(4)
          if (data) deliver({ ...JSON.parse(data), seq: id === undefined ? undefined : Number(id) })
        }
      }
    })
    .catch((error) => {
      failure = error
    })
    .finally(() => {
      for (const check of [...waiting]) check(true)
    })
  return {
    seen,
    connected,
    done,
    close: () => abort.abort(),
    until(predicate, { within = 20000, from = 0 } = {}) {
      return new Promise((resolve, reject) => {
        let next = from
        const timer = setTimeout(() => finish(new Error(`no such event within ${within} ms; saw ${seen.map((e) => e.type)}`)), within)
        const check = (ended) => {
          for (; next < seen.length; next++) if (predicate(seen[next])) return finish(null, seen[next])
          if (ended) finish(failure ?? new Error("the stream ended"))
        }
        const finish = (error, value) => {
          clearTimeout(timer)
          waiting.delete(check)
          error ? reject(error) : resolve(value)
        }
        waiting.add(check)
        check()
      })
    },
  }
}

export const isIdle = (session) => (event) =>
  event.type === "session.idle" && event.properties.sessionID === session

// Polls until `check` answers something true; for states that no event tells about.
export async function eventually(check, within = 10000) {
  const deadline = Date.now() + within
  for (;;) {
    const value = await check()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`not so within ${within} ms: ${check}`)
    await delay(20)
  }
}
