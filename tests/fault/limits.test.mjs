// Limits are on by default, answer with the right code, and protect the others.
//   QD_SOCKETS=1000 QD_SUBSCRIBERS=200 QD_STREAM=5000      (the goals: 10000, 2000, 50000)
import assert from "node:assert/strict"
import http from "node:http"
import net from "node:net"
import { afterEach, beforeEach, test } from "node:test"
import { setTimeout as delay } from "node:timers/promises"
import { sanitized } from "../support/sanitized.mjs"
import { client, eventually, makeWorld } from "../support/server.mjs"
import { exchange, follow, metric, percentile, portOf, serveUnder } from "../support/raw.mjs"

const number = (name, otherwise) => Number(process.env[name] ?? otherwise)
const sockets = number("QD_SOCKETS", 1000)
const subscribers = number("QD_SUBSCRIBERS", 200)
const streamed = number("QD_STREAM", 5000)

let world
let server
let api
beforeEach(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
})
afterEach(() => world?.close())

const head = (length) =>
  `POST /session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`

test("a body over 10 MB is refused before it is read", async () => {
  const answer = await exchange(portOf(server.url), head(11_000_000))
  assert.equal(answer.status, 413)
  assert.equal(JSON.parse(answer.answer.split("\r\n\r\n")[1]).name, "PayloadTooLarge")
  // One that goes on sending is cut, not read to its end.
  const socket = net.connect(portOf(server.url), "127.0.0.1")
  socket.on("error", () => {})
  socket.write(head(1_000_000_000))
  const piece = Buffer.alloc(64 * 1024, "x")
  const fill = () => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on("drain", fill)
  fill()
  await eventually(() => socket.destroyed || socket.readableEnded, 15000)
  assert.ok(socket.bytesWritten < 20_000_000, `${socket.bytesWritten} bytes were taken`)
  socket.destroy()
  assert.equal(await metric(server.url, "quarterdeck_http_refused_total"), 2)
})

test("headers over 32 KB get 431", async () => {
  const answer = await exchange(portOf(server.url), `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"y".repeat(33_000)}\r\n\r\n`)
  assert.equal(answer.status, 431)
})

test("JSON deeper than 128 and titles over 1 KB get 400 and store nothing", async () => {
  const nested = (depth) => `{"metadata":{"a":${"[".repeat(depth)}${"]".repeat(depth)}}}`
  assert.equal((await api.post("/session", nested(120))).status, 200)
  for (const depth of [129, 1000, 100_000]) assert.equal((await api.post("/session", nested(depth))).status, 400)
  assert.equal((await api.post("/session", { title: "é".repeat(512) })).status, 200)
  const long = await api.post("/session", { title: "é".repeat(513) })
  assert.equal(long.status, 400)
  assert.match(long.body.message, /at \["title"\]/)
  const session = (await api.session()).id
  assert.equal((await api.patch(`/session/${session}`, { title: "x".repeat(2000) })).status, 400)
  assert.equal((await api.get("/session")).body.length, 3)
})

test("a prompt with too many parts gets 400", async () => {
  const session = (await api.session()).id
  const parts = Array.from({ length: 1001 }, () => ({ type: "text", text: "x" }))
  const answer = await api.post(`/session/${session}/prompt_async`, { parts })
  assert.equal(answer.status, 400)
  assert.match(answer.body.data.message, /1000/)
})

test("a head or a body that trickles is closed within 10 s, and others are served meanwhile", { timeout: 60000 }, async () => {
  const port = portOf(server.url)
  const slow = async (bytes) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.on("error", () => {})
    let answer = ""
    socket.on("data", (data) => (answer += data))
    const started = Date.now()
    socket.write(bytes)
    while (!socket.destroyed && !socket.readableEnded && Date.now() - started < 20000) {
      await delay(500)
      if (!socket.destroyed) socket.write("a")
    }
    socket.destroy()
    return { ms: Date.now() - started, answer }
  }
  const trickling = [
    ...Array.from({ length: 20 }, () => slow("GET / HTTP/1.1\r\nHost: localhost\r\nX: ")),
    ...Array.from({ length: 20 }, () => slow(head(1000))),
  ]
  const waits = []
  let open = true
  const health = (async () => {
    while (open) {
      const started = performance.now()
      assert.equal((await api.get("/healthz")).status, 200)
      waits.push(performance.now() - started)
      await delay(50)
    }
  })()
  const ends = await Promise.all(trickling)
  open = false
  await health
  for (const { ms } of ends) assert.ok(ms <= 12000, `closed after ${ms} ms`)
  assert.ok(ends.slice(20).every(({ answer }) => answer.startsWith("HTTP/1.1 408 ")))
  assert.equal(await metric(server.url, "quarterdeck_limit_hits_total"), 40)
})

test(`${sockets} open sockets: health answers, and everything is given back`, { timeout: 120000 }, async () => {
  const port = portOf(server.url)
  const before = await metric(server.url, "process_open_fds")
  const open = []
  for (let i = 0; i < sockets; i++) {
    const socket = net.connect(port, "127.0.0.1")
    socket.on("error", () => {})
    open.push(socket)
    if (i % 200 === 199) await eventually(() => open.every((s) => !s.connecting))
  }
  await eventually(async () => (await metric(server.url, "quarterdeck_http_connections")) >= sockets, 20000)
  const waits = []
  for (let i = 0; i < 200; i++) {
    const started = performance.now()
    assert.equal((await api.get("/healthz")).status, 200)
    waits.push(performance.now() - started)
  }
  console.log(`# ${sockets} sockets: health p99 ${percentile(waits, 0.99).toFixed(1)} ms`)
  for (const socket of open) socket.destroy()
  await eventually(async () => (await metric(server.url, "process_open_fds")) <= before + 2, 20000)
})

test(`${subscribers} idle subscribers cost at most 20 KB each`, { timeout: 120000 }, async () => {
  const before = await metric(server.url, "process_resident_memory_bytes")
  const all = []
  for (let i = 0; i < subscribers; i++) {
    all.push(follow(server.url, "/event"))
    if (i % 100 === 99) await eventually(() => all.every((s) => s.frames.length > 0), 20000)
  }
  await eventually(() => all.every((s) => s.frames.length > 0), 20000)
  assert.equal(await metric(server.url, "quarterdeck_feed_subscribers"), subscribers)
  const each = ((await metric(server.url, "process_resident_memory_bytes")) - before) / subscribers / 1024
  console.log(`# ${subscribers} subscribers: ${each.toFixed(1)} KB each`)
  // The pages that a first hundred touch are not theirs alone.
  if (!sanitized) assert.ok(each <= 20 + 4096 / subscribers, `${each} KB each`)
  for (const subscriber of all) subscriber.close()
  await eventually(async () => (await metric(server.url, "quarterdeck_feed_subscribers")) === 0)
})

test(`while ${streamed} deltas are streamed, status answers`, { timeout: 300000 }, async () => {
  const reader = follow(server.url, "/event")
  await eventually(() => reader.frames.length > 0)
  const session = (await api.session({ title: "stream" })).id
  const turn = api.prompt(session, `[[bench deltas=${streamed} size=20]]`)
  let running = true
  turn.then(() => (running = false))
  const waits = []
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  while (running) {
    const started = performance.now()
    await new Promise((resolve, reject) => {
      const get = http.get(`${server.url}/session/status`, { agent }, (response) => response.resume().on("end", resolve))
      get.on("error", reject)
    })
    waits.push(performance.now() - started)
    await delay(5)
  }
  agent.destroy()
  console.log(`# ${streamed} deltas: status p99 ${percentile(waits, 0.99).toFixed(1)} ms, worst ${Math.max(...waits).toFixed(1)} ms of ${waits.length}`)
  assert.ok(Math.max(...waits) < 1000)
  reader.close()
})

test("out of descriptors: the server lives, old connections are served, new ones when there is room", { timeout: 120000, skip: sanitized && "checking a pointer takes the sanitizer a descriptor" }, async () => {
  const tight = await serveUnder(world, "export XDG_DATA_HOME=$HOME/tight; ulimit -n 120")
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const ask = (path, body) =>
    new Promise((resolve, reject) => {
      const headers = body ? { "content-type": "application/json" } : {}
      const request = http.request(tight.url + path, { agent, method: body ? "POST" : "GET", headers }, (response) => {
        let text = ""
        response.on("data", (data) => (text += data))
        response.on("end", () => resolve({ status: response.statusCode, text }))
      })
      request.on("error", reject)
      request.end(body)
    })
  assert.equal((await ask("/healthz")).status, 200)
  const session = JSON.parse((await ask("/session", "{}")).text).id
  const busy = []
  for (let i = 0; i < 300; i++) {
    const socket = net.connect(portOf(tight.url), "127.0.0.1")
    socket.on("error", () => {})
    // Half a request: none of them is idle and could be closed for the next.
    socket.write("GET /")
    busy.push(socket)
  }
  // Who takes longer than a second to send a request makes room for others.
  for (let i = 0; i < 20; i++) {
    await eventually(async () => (await ask("/healthz").catch(() => ({}))).status === 200, 8000)
  }
  // A tool that needs descriptors fails or runs; the turn ends, the server stays.
  const turn = await ask(
    `/session/${session}/message`,
    JSON.stringify({ parts: [{ type: "text", text: 'TOOL:[["bash",{"command":"echo hi"}]]' }] }),
  ).catch(() => ({ status: 0 }))
  assert.ok([0, 200, 503].includes(turn.status), turn.text)
  for (const socket of busy) socket.destroy()
  agent.destroy()
  const after = client(tight.url)
  await eventually(async () => (await after.get("/healthz").catch(() => ({}))).status === 200, 15000)
  const again = await after.prompt(session, 'TOOL:[["bash",{"command":"echo again"}]]')
  assert.equal(again.status, 200)
  const outputs = (await after.messages(session)).flatMap((m) => m.parts).map((p) => p.state?.output)
  assert.ok(outputs.includes("again\n"))
  await tight.stop()
})
