// Requests that no client of ours sends, generated from a seed: none crashes the server, none is answered with 5xx or
// HTML, every refusal is JSON and has the right code, and a turn works afterwards.
//   QD_BADREQ=3000 QD_SEED=1      (the goal: 100000)
import assert from "node:assert/strict"
import net from "node:net"
import { afterEach, beforeEach, test } from "node:test"
import { sanitized } from "../support/sanitized.mjs"
import { client, eventually, makeWorld } from "../support/server.mjs"
import { exchange, metric, portOf } from "../support/raw.mjs"

const count = Number(process.env.QD_BADREQ ?? 3000)
const seed = Number(process.env.QD_SEED ?? 1)

let world
let server
let api
beforeEach(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
})
afterEach(() => world?.close())

function generator(start) {
  let state = start >>> 0 || 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4294967296
  }
  const below = (limit) => Math.floor(next() * limit)
  return { next, below, pick: (list) => list[below(list.length)] }
}

const hostile = [
  "", " ", "null", "undefined", "NaN", "-1", "0", "99999999999999999999", "1e999", "true", "[]", "{}", "'", '"', "\\",
  "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "%", "%zz", "%c0%af", "/etc/passwd", "file:///etc/passwd",
  "ses_", "ses_1", "msg_1", "prt_0", "per_x", "ses_" + "a".repeat(3000), "é".repeat(50), "\u202e", "💥", "\ud800",
  "'; DROP TABLE session; --", "${7*7}", "{{7*7}}", "<script>alert(1)</script>", "\r\nX-Injected: 1", "a\u0000b",
]
const values = [
  null, true, false, 0, -1, 1.5, 1e300, 9007199254740993, "", "x", "ses_1", [], [null], [[[]]], {}, { a: 1 },
  { type: "text" }, { type: "nonsense" }, "\ud800", "a".repeat(2000), ...hostile.slice(0, 12),
]
const bodies = {
  "/session": { title: "t", parentID: "ses_1", permission: [{ permission: "bash", pattern: "*", action: "ask" }], metadata: {} },
  message: { messageID: "msg_1", model: { providerID: "fake", modelID: "fake" }, agent: "build", noReply: true, parts: [{ type: "text", text: "x" }] },
  permission: { reply: "once", message: "m" },
  log: { service: "s", level: "info", message: "m", extra: {} },
}

// Replaces, removes, doubles or adds something somewhere in a value.
function damage(random, value, depth = 0) {
  if (depth > 3 || random.next() < 0.3 || value === null || typeof value !== "object") return random.pick(values)
  if (Array.isArray(value)) {
    const copy = [...value]
    const at = random.below(copy.length + 1)
    if (random.next() < 0.3) copy.splice(at, 1)
    else copy[at] = damage(random, copy[at], depth + 1)
    return copy
  }
  const copy = { ...value }
  const keys = Object.keys(copy)
  const key = keys.length > 0 && random.next() < 0.8 ? random.pick(keys) : random.pick(hostile)
  if (random.next() < 0.25) delete copy[key]
  else copy[key] = damage(random, copy[key], depth + 1)
  return copy
}

function brokenJson(random, text) {
  const at = random.below(text.length + 1)
  return random.pick([
    () => text.slice(0, at),
    () => text.slice(0, at) + random.pick(["\u0000", "\xff", "}", "]", '"', ",", "\\u12", "//", "'"]) + text.slice(at),
    () => text + text,
    () => "[".repeat(1 + random.below(3000)),
    () => '{"a":'.repeat(1 + random.below(500)),
    () => random.pick(["nul", "tru", "01", "1e", "+1", ".5", "NaN", "Infinity", '"\\x"', "\ufeff{}", " ", "<html>"]),
  ])()
}

async function operations() {
  const document = (await api.get("/doc")).body
  const all = []
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of Object.keys(methods)) all.push({ method: method.toUpperCase(), path, query: methods[method].parameters })
  }
  return { all, paths: new Map(Object.entries(document.paths).map(([path, methods]) => [path, Object.keys(methods).map((m) => m.toUpperCase())])) }
}

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO", "get"]
// Streams do not end, and these would stop the test's own server or wait for a person.
// The page that ends an MCP sign-in is text for a browser.
const left = (path) => /\/mcp\/oauth\/callback$|event$|\/tui\/control\/next|\/global\/dispose|\/instance\/dispose|\/shell$/.test(path)

function makeRequest(random, known, session) {
  const operation = random.pick(known.all.filter((each) => !left(each.path)))
  let method = operation.method
  let path = operation.path.replace(/\{(\w+)\}/g, (_, name) => {
    if (name === "sessionID" && random.next() < 0.4) return session
    return encodeURIComponent(random.pick(hostile).replace(/[\ud800-\udfff]/g, "?")) || "_"
  })
  const template = path.endsWith("/message") || path.includes("prompt") ? bodies.message : path.includes("permission") ? bodies.permission : path === "/log" ? bodies.log : bodies["/session"]
  let body = ["GET", "HEAD", "DELETE"].includes(method) && random.next() < 0.9 ? undefined : JSON.stringify(damage(random, template))
  let type = "application/json"
  const expect = {}
  const kind = random.below(6)
  if (kind === 0) {
    method = random.pick(methods)
    if (!known.paths.get(operation.path).includes(method)) expect.wrongMethod = !operation.path.includes("{")
  } else if (kind === 1) {
    path = "/" + Array.from({ length: 1 + random.below(4) }, () => encodeURIComponent(random.pick(["api", "x", "session", "..", ".", "%", "v1", "admin"]))).join("/") + "/nowhere"
    expect.unknown = true
    body = undefined
  } else if (kind === 2 && body !== undefined) {
    type = random.pick(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/xml", "nonsense"])
    expect.unsupported = !["GET", "HEAD", "OPTIONS"].includes(method)
  } else if (kind === 3 && body !== undefined) {
    body = brokenJson(random, body)
  } else {
    const query = Array.from({ length: random.below(4) }, () => {
      const name = operation.query?.length > 0 && random.next() < 0.8 ? random.pick(operation.query).name : random.pick(["directory", "limit", "x", ""])
      return `${encodeURIComponent(name)}=${random.next() < 0.2 ? "%zz%" : encodeURIComponent(random.pick(hostile).replace(/[\ud800-\udfff]/g, "?"))}`
    })
    if (query.length > 0) path += "?" + query.join("&")
  }
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body, random.next() < 0.1 ? "latin1" : "utf8")
  const lines = [`${method} ${path} HTTP/1.1`, "Host: localhost"]
  if (body !== undefined || !["GET", "HEAD"].includes(method)) lines.push(`Content-Length: ${bytes.length}`)
  if (body !== undefined && type) lines.push(`Content-Type: ${type}`)
  return { method, path, body, expect, bytes: Buffer.concat([Buffer.from(lines.join("\r\n") + "\r\n\r\n"), bytes]) }
}

// One connection, requests one after the other; opened again when the server closes it.
class Line {
  constructor(port) {
    this.port = port
  }
  async send(request) {
    if (!this.socket || this.socket.destroyed) {
      const socket = (this.socket = net.connect(this.port, "127.0.0.1"))
      this.socket.setNoDelay(true)
      this.socket.on("error", () => {})
      this.received = Buffer.alloc(0)
      this.socket.on("data", (data) => {
        this.received = Buffer.concat([this.received, data])
        this.look?.()
      })
      // The end of the one before, which carried a stream, is not this one's.
      this.socket.on("close", () => socket === this.socket && this.look?.(true))
    }
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${request.method} ${request.path} ${request.body}`)), 40000) // a wait may take 25 s
      const finish = (answer) => {
        clearTimeout(timer)
        this.look = undefined
        resolve(answer)
      }
      this.look = (closed) => {
        const end = this.received.indexOf("\r\n\r\n")
        if (end < 0) return closed ? finish({ status: 0, head: "", body: "" }) : undefined
        const head = this.received.subarray(0, end).toString("latin1")
        const status = Number(head.slice(9, 12))
        const length = request.method === "HEAD" || status === 204 || status === 304 ? 0 : Number(head.match(/content-length: (\d+)/i)?.[1] ?? -1)
        if (length < 0) {
          this.socket.destroy()
          return finish({ status, head, body: undefined })
        }
        if (this.received.length < end + 4 + length && !closed) return
        const body = this.received.subarray(end + 4, end + 4 + length).toString()
        this.received = this.received.subarray(end + 4 + length)
        if (/connection: close/i.test(head)) this.socket.destroy()
        finish({ status, head, body })
      }
      this.socket.write(request.bytes)
    })
  }
}

test(`${count} malformed requests (seed ${seed})`, { timeout: 3600000 }, async () => {
  const random = generator(seed)
  const known = await operations()
  const session = (await api.session({ title: "target" })).id
  await api.prompt(session, "hello") // the first request to a model loads libraries
  const before = await metric(server.url, "process_resident_memory_bytes")
  const line = new Line(portOf(server.url))
  const codes = {}
  for (let i = 0; i < count; i++) {
    const request = makeRequest(random, known, session)
    const answer = await line.send(request)
    const said = `#${i} ${request.method} ${request.path} ${request.body?.slice(0, 300)}\n-> ${answer.status} ${answer.body?.slice(0, 300)}`
    codes[answer.status] = (codes[answer.status] ?? 0) + 1
    // Many of them open a terminal, and there are 64 at most.
    const full = answer.status === 503 && /terminals are open/.test(answer.body)
    assert.ok((answer.status >= 200 && answer.status < 500) || full, said)
    assert.doesNotMatch(answer.head, /x-injected/i, said)
    const page = request.path.startsWith("/sign-in") && answer.status === 200
    if (!page) assert.doesNotMatch(answer.head, /text\/html/i, said)
    if (answer.body && !page) {
      if (/content-type: application\/json/i.test(answer.head)) JSON.parse(answer.body)
      else assert.match(answer.head, /content-type: text\/plain/i, said)
    }
    if (answer.status >= 400 && request.method !== "HEAD") assert.match(answer.head, /content-type: application\/json/i, said)
    // "/session/nowhere" is an id that is none, and a session answers no POST.
    if (request.expect.unknown) assert.ok([404, 400, 405].includes(answer.status), said)
    if (request.expect.unsupported) assert.ok([415, 404, 405].includes(answer.status), said)
    if (request.expect.wrongMethod && request.method !== "HEAD" && request.method !== "OPTIONS") {
      // "DELETE /pty/shells" is about a terminal of that name.
      assert.ok([405, 415, 400, 404].includes(answer.status), said)
    }
  }
  console.log(`# ${count} requests: ${JSON.stringify(codes)}`)
  const grown = ((await metric(server.url, "process_resident_memory_bytes")) - before) / 1e6
  console.log(`# ${grown.toFixed(1)} MB more`)
  if (!sanitized) assert.ok(grown <= 20, `${grown.toFixed(1)} MB more`)
  assert.equal((await api.prompt((await api.session()).id, "still there?")).status, 200)
})

test("bytes that are no HTTP get a JSON refusal or the end of the connection", { timeout: 600000 }, async () => {
  const random = generator(seed + 1)
  const valid = "POST /session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
  const rounds = Math.max(60, Math.floor(count / 30))
  for (let i = 0; i < rounds; i++) {
    const bytes = Buffer.from(valid, "latin1")
    for (let flips = 1 + random.below(6); flips > 0; flips--) bytes[random.below(bytes.length)] = random.below(256)
    const cut = random.next() < 0.3 ? bytes.subarray(0, random.below(bytes.length)) : bytes
    const { answer, status } = await exchange(portOf(server.url), cut, { within: 150 })
    assert.ok(status === 0 || (status >= 200 && status < 500), `${status}: ${JSON.stringify(cut.toString("latin1"))}`)
    // What a wrong length leaves over is another request, with an answer of its own.
    if (status >= 400) JSON.parse(answer.split("\r\n\r\n")[1].split("HTTP/1.1 ")[0])
  }
  await eventually(async () => (await api.get("/healthz")).status === 200)
})

test("clients that leave in the middle leave nothing behind", { timeout: 120000 }, async () => {
  const random = generator(seed + 2)
  const before = await metric(server.url, "process_open_fds")
  const requests = [
    "GET /session HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /event HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "POST /session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"title\":",
  ]
  for (let i = 0; i < 200; i++) {
    const socket = net.connect(portOf(server.url), "127.0.0.1")
    socket.on("error", () => {})
    await new Promise((connected) => socket.once("connect", connected))
    socket.write(random.pick(requests))
    if (random.next() < 0.5) await new Promise((done) => setTimeout(done, random.below(5)))
    const how = random.below(3)
    if (how === 0) socket.resetAndDestroy()
    else if (how === 1) socket.destroy()
    else socket.end()
  }
  await eventually(async () => (await metric(server.url, "quarterdeck_feed_subscribers")) === 0, 15000)
  await eventually(async () => (await metric(server.url, "process_open_fds")) <= before + 2, 15000)
})
