// Sockets and processes as a test wants them: bytes as they are, clients that stop reading, servers under a limit.
import { spawn } from "node:child_process"
import { once } from "node:events"
import http from "node:http"
import net from "node:net"

export const portOf = (url) => Number(new URL(url).port)

// Sends `bytes` and collects what comes until the server closes, or for `within` ms.
export async function exchange(port, bytes, { within = 15000, keep = false } = {}) {
  const socket = net.connect(port, "127.0.0.1")
  let answer = ""
  socket.on("data", (data) => (answer += data))
  socket.on("error", () => {})
  await once(socket, "connect")
  for (const piece of [bytes].flat()) socket.write(piece)
  const started = Date.now()
  await Promise.race([once(socket, "close").catch(() => {}), new Promise((done) => setTimeout(done, within).unref())])
  const closed = socket.destroyed
  if (!keep) socket.destroy()
  return { answer, closed, ms: Date.now() - started, status: Number(answer.match(/^HTTP\/1\.1 (\d+)/)?.[1] ?? 0) }
}

// Follows a stream on a connection of its own. `frames` are {id, type, data}; `reset()` drops the connection hard.
export function follow(url, path = "/global/event", { lastEventID, onFrame = () => {} } = {}) {
  const frames = []
  const headers = lastEventID === undefined ? {} : { "last-event-id": String(lastEventID) }
  let response
  let ended
  const done = new Promise((resolve) => (ended = resolve))
  const request = http.get(url + path, { agent: false, headers }, (incoming) => {
    response = incoming
    let buffer = ""
    incoming.setEncoding("utf8")
    incoming.on("data", (text) => {
      buffer += text
      for (let end; (end = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(end + 2)) {
        const lines = buffer.slice(0, end).split("\n")
        const data = lines.find((line) => line.startsWith("data: "))?.slice(6)
        const id = lines.find((line) => line.startsWith("id: "))?.slice(4)
        if (data === undefined) continue
        const event = JSON.parse(data)
        const frame = { id: id === undefined ? undefined : Number(id), data, event: event.payload ?? event }
        frames.push(frame)
        onFrame(frame)
      }
    })
    incoming.on("close", ended)
    incoming.on("error", ended)
  })
  request.on("error", ended)
  return {
    frames,
    done,
    pause: () => response?.pause(),
    resume: () => response?.resume(),
    reset: () => (request.socket?.resetAndDestroy ? request.socket.resetAndDestroy() : request.destroy()),
    close: () => request.destroy(),
  }
}

// The value of one metric, all its labels added up.
export async function metric(url, name) {
  const text = await (await fetch(url + "/metrics")).text()
  let sum = 0
  for (const line of text.split("\n")) {
    const match = line.match(/^([a-z_]+)(?:\{[^}]*\})? (\S+)$/)
    if (match && match[1] === name) sum += Number(match[2])
  }
  return sum
}

export const percentile = (numbers, share) => {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

// The server behind a shell line such as "ulimit -n 200": {url, pid, stop, output}.
export async function serveUnder(world, shell, args = []) {
  const bin = process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck"
  const { resolve } = await import("node:path")
  const child = spawn("/bin/sh", ["-c", `${shell}; exec "$0" "$@"`, resolve(bin), "serve", "--port", "0", ...args], {
    env: world.env,
    cwd: world.directory,
    stdio: ["ignore", "pipe", "pipe"],
  })
  let output = ""
  const url = await new Promise((done, fail) => {
    const look = (bytes) => {
      output += bytes
      const match = output.match(/listening on (http:\/\/\S+)/)
      if (match) done(match[1])
    }
    child.stdout.on("data", look)
    child.stderr.on("data", look)
    child.on("exit", (code) => fail(new Error(`ended (${code}): ${output}`)))
  })
  return {
    url,
    pid: child.pid,
    child,
    output: () => output,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, "exit")
      child.kill("SIGTERM")
      await exited
    },
  }
}
