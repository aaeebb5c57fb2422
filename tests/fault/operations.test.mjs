// What an operator relies on: probes that tell the truth, dumps after a fault, logs without secrets, restarts that lose no
// request.
import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import { afterEach, beforeEach, test } from "node:test"
import { sanitized } from "../support/sanitized.mjs"
import { client, eventually, makeWorld } from "../support/server.mjs"
import { metric } from "../support/raw.mjs"

let world
beforeEach(async () => (world = await makeWorld()))
afterEach(() => world?.close())

const state = () => join(world.home, ".local/share/quarterdeck")

test("probes and metrics answer, also without the password where they may", async () => {
  const server = await world.serve({ env: { OPENCODE_SERVER_PASSWORD: "hunter2hunter2" } })
  const api = client(server.url)
  assert.equal((await api.get("/healthz")).body.healthy, true)
  const ready = await eventually(async () => {
    const answer = await api.get("/readyz")
    return answer.status === 200 && answer
  })
  assert.deepEqual(ready.body, {
    ready: true,
    checks: { recovery: "ok", shutdown: "ok", store: "ok", disk: "ok" },
  })
  assert.equal((await api.get("/metrics")).status, 401)
  const authorization = "Basic " + Buffer.from("opencode:hunter2hunter2").toString("base64")
  const metrics = await api.get("/metrics", { authorization })
  assert.equal(metrics.status, 200)
  assert.match(metrics.headers.get("content-type"), /^text\/plain; version=0\.0\.4/)
  assert.equal((await api.post("/healthz", {})).status, 401)
})

test("metrics are valid, and count what happened", async () => {
  const server = await world.serve()
  const api = client(server.url)
  const session = (await api.session()).id
  await api.prompt(session, 'TOOL:[["bash",{"command":"echo hi"}]]')
  const text = await (await fetch(server.url + "/metrics")).text()
  const families = new Map()
  for (const line of text.trimEnd().split("\n")) {
    const type = line.match(/^# TYPE (\S+) (counter|gauge|histogram)$/)
    if (type) {
      assert.ok(!families.has(type[1]), `${type[1]} is described once`)
      families.set(type[1], type[2])
    } else if (!line.startsWith("# HELP ")) {
      const value = line.match(/^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? (-?[0-9.e+-]+|NaN)$/)
      assert.ok(value, line)
      const family = value[1].replace(/_(bucket|sum|count)$/, "")
      assert.ok(families.has(value[1]) || families.get(family) === "histogram", line)
    }
  }
  for (const name of [
    "quarterdeck_http_requests_total", "quarterdeck_http_request_seconds", "quarterdeck_http_connections",
    "quarterdeck_feed_subscribers", "quarterdeck_feed_waiting_bytes", "quarterdeck_loop_latency_seconds",
    "quarterdeck_loop_turn_seconds", "quarterdeck_pool_queued", "quarterdeck_store_commit_seconds",
    "quarterdeck_store_events_total", "quarterdeck_sessions_busy", "quarterdeck_prompts_queued",
    "quarterdeck_turns_total", "quarterdeck_processes", "quarterdeck_model_requests_total",
    "process_resident_memory_bytes", "process_open_fds",
  ]) {
    assert.ok(families.has(name), name)
  }
  assert.equal(await metric(server.url, "quarterdeck_turns_total"), 1)
  assert.ok((await metric(server.url, "quarterdeck_model_requests_total")) >= 2)
})

test("an idle server does nothing", async () => {
  const server = await world.serve()
  const ticks = () => {
    const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1].split(" ")
    return Number(fields[11]) + Number(fields[12])
  }
  await new Promise((done) => setTimeout(done, 1000))
  const before = ticks()
  await new Promise((done) => setTimeout(done, 3000))
  // In hundredths of a second.
  assert.ok(ticks() - before <= (sanitized ? 15 : 3), `${ticks() - before} ticks in 3 s`)
})

test("a fault is written down: signal, build, stacks of all threads, what came last", { skip: sanitized }, async () => {
  const server = await world.serve()
  await client(server.url).session({ title: "before the fault" })
  process.kill(server.pid, "SIGSEGV")
  const dumps = join(state(), "crash")
  await eventually(() => existsSync(dumps) && readdirSync(dumps).length > 0 && /last records[^]*POST \/session/.test(readFileSync(join(dumps, readdirSync(dumps)[0]), "utf8")))
  const [name] = readdirSync(dumps)
  const text = readFileSync(join(dumps, name), "utf8")
  assert.match(text, /^signal: SIGSEGV/)
  assert.match(text, /build id: [0-9a-f]{16}/)
  assert.match(text, /faulting, thread \d+:\n  #0 quarterdeck\+0x/)
  assert.ok(text.match(/^thread \d+:\n  #0 /gm).length >= 4)
  assert.match(text, /store \(thread \d+\): (idle, last commit|commit for)/)
  assert.equal(statSync(join(dumps, name)).mode & 0o777, 0o600)
  // It starts again, and what was stored is there.
  const again = await world.serve()
  assert.equal((await client(again.url).get("/session")).body[0].title, "before the fault")
})

test("logs: JSON lines on disk, without the secrets of the configuration, URLs and headers", async () => {
  const secret = "canary-0123456789"
  const server = await world.serve({ args: ["--log-format", "json", "--log-level", "debug"], env: { MY_API_KEY: secret } })
  const api = client(server.url)
  const message = `${secret} https://user:pa55word@host/x?token=tok_abcdef Authorization: Bearer abcdefghijkl "quoted"\nforged`
  await api.post("/log", { service: "test", level: "error", message })
  await api.prompt((await api.session()).id, "ERR:500:1")
  const file = join(state(), "log/quarterdeck.log")
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line))
  assert.ok(lines.some((line) => line.message.includes("listening")))
  const shown = lines.find((line) => line.message.includes("https://"))
  assert.equal(shown.level, "error")
  for (const hidden of [secret, "pa55word", "tok_abcdef", "abcdefghijkl"]) {
    assert.ok(!readFileSync(file, "utf8").includes(hidden), hidden)
    assert.ok(!server.output().includes(hidden), hidden)
  }
  assert.equal(statSync(file).mode & 0o777, 0o600)
  for (const line of lines) assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test("under a supervisor that holds the socket: readiness is told, a restart refuses nobody", { timeout: 120000 }, async () => {
  // Python plays systemd: it owns the socket and the notification socket, and starts us again when we end.
  const script = join(world.root, "supervisor.py")
  const { writeFileSync } = await import("node:fs")
  writeFileSync(script, `
import os, socket, subprocess, sys, threading
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen(128)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); notify.bind("notify.sock")
print("port", listener.getsockname()[1], flush=True)
def hear():
    while True: print("told", notify.recv(4096).decode().replace("\\n", ";"), flush=True)
threading.Thread(target=hear, daemon=True).start()
command = 'exec 3<&%d; export LISTEN_FDS=1 LISTEN_PID=$$ NOTIFY_SOCKET=$PWD/notify.sock WATCHDOG_USEC=400000; exec "$0" serve' % listener.fileno()
while True:
    child = subprocess.Popen(["/bin/sh", "-c", command, sys.argv[1]], pass_fds=[listener.fileno()])
    print("pid", child.pid, flush=True)
    child.wait()
    print("ended", child.returncode, flush=True)
`)
  const bin = resolve(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
  const supervisor = spawn("python3", [script, bin], { cwd: world.root, env: world.env, stdio: ["ignore", "pipe", "inherit"] })
  let output = ""
  supervisor.stdout.on("data", (data) => (output += data))
  const all = (pattern) => [...output.matchAll(pattern)].map((match) => match[1])
  try {
    await eventually(() => all(/told (READY=1.*)/g).length === 1, 20000)
    const url = `http://127.0.0.1:${all(/port (\d+)/g)[0]}`
    const api = client(url)
    const session = (await api.session({ title: "held" })).id
    await eventually(() => all(/told (WATCHDOG=1)/g).length >= 2)
    let asking = true
    let answered = 0
    const failures = []
    const clients = Array.from({ length: 4 }, async () => {
      while (asking) {
        try {
          // A connection each: what is held back is the connection.
          const answer = await fetch(`${url}/session/${session}`, { headers: { connection: "close" } })
          if (answer.status !== 200) failures.push(answer.status)
          await answer.text()
          answered++
        } catch (error) {
          failures.push(String(error.cause ?? error))
        }
      }
    })
    for (let round = 1; round <= 2; round++) {
      process.kill(Number(all(/pid (\d+)/g).at(-1)), "SIGTERM")
      await eventually(() => all(/told (READY=1.*)/g).length === 1 + round, 20000)
    }
    asking = false
    await Promise.all(clients)
    assert.deepEqual(failures, [])
    assert.ok(answered > 10)
    assert.equal(all(/told (STOPPING=1)/g).length, 2)
    assert.deepEqual(all(/ended (-?\d+)/g), ["0", "0"])
  } finally {
    supervisor.kill("SIGKILL")
    for (const pid of all(/pid (\d+)/g)) {
      try {
        process.kill(Number(pid), "SIGKILL")
      } catch {}
    }
  }
})

test("SIGTERM with many running turns: gone in 5 s, and they go on with the next start", { timeout: 120000 }, async () => {
  const count = Number(process.env.QD_TURNS ?? 20)
  let server = await world.serve()
  let api = client(server.url)
  for (let i = 0; i < count; i++) await api.promptAsync((await api.session({ title: `turn ${i}` })).id, "SLOW:100:100")
  await eventually(async () => (await metric(server.url, "quarterdeck_sessions_busy")) === count)
  const started = Date.now()
  await server.stop()
  const took = Date.now() - started
  assert.ok(took <= 5000, `${took} ms`)
  server = await world.serve()
  api = client(server.url)
  await eventually(async () => (await metric(server.url, "quarterdeck_sessions_busy")) === count)
})
