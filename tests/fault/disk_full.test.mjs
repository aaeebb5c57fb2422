// The disk fills up under a running server: a real tmpfs, mounted where only the server and its mount's holder see it.
import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, test } from "node:test"
import { client, eventually, makeWorld } from "../support/server.mjs"

const root = process.getuid() === 0
const unshare = root ? ["-m"] : ["-rm"]
const allowed = spawnSync("unshare", [...unshare, "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"]).status === 0
const skip = allowed ? false : "mounting is not permitted here"

let world, disk, holder
beforeEach(async () => {
  world = await makeWorld()
  disk = join(world.root, "disk")
  mkdirSync(disk)
  if (!allowed) return
  // Keeps the mount while servers come and go.
  holder = spawn("unshare", [...unshare, "sh", "-c", 'mount -t tmpfs -o size=40m tmpfs "$0" && echo ready && exec sleep 600', disk])
  await once(holder.stdout, "data")
})
afterEach(async () => {
  holder?.kill()
  await world?.close()
})

const inside = (name) => join(`/proc/${holder.pid}/root`, disk, name)
const serve = () =>
  world.serve({
    env: { XDG_DATA_HOME: disk },
    wrap: ["nsenter", "-t", String(holder.pid), "-m", ...(root ? [] : ["-U", "--preserve-credentials"]),
      "sh", "-c", 'cd "$0" && exec "$@"', world.directory],
  })

// Until no byte is left.
function fill() {
  const fd = openSync(inside("filler"), "a")
  for (let bytes = 1 << 20; bytes >= 1; ) {
    try {
      writeSync(fd, Buffer.alloc(bytes, "f"))
    } catch (error) {
      assert.equal(error.code, "ENOSPC")
      bytes = bytes >> 1
    }
  }
  closeSync(fd)
}

const textOf = (message) => (message?.parts ?? []).filter((p) => p.type === "text").map((p) => p.text).join("")
const answerTo = (messages, text) => {
  const prompt = messages.find((m) => m.info.role === "user" && textOf(m) === text)
  return messages.findLast((m) => m.info.role === "assistant" && m.info.parentID === prompt?.info.id)
}

test("new work is refused, reads go on, turns end with a stored error, a start works, and it recovers by itself", { skip }, async () => {
  let server = await serve()
  let api = client(server.url)
  const quiet = (await api.session({ title: "quiet" })).id
  assert.equal((await api.prompt(quiet, "before")).body.info.finish, "stop")
  const streaming = (await api.session({ title: "streaming" })).id
  assert.equal((await api.promptAsync(streaming, "SLOW:2000:10")).status, 204)
  assert.equal((await api.promptAsync(streaming, "queued")).status, 204)
  await eventually(async () => textOf(answerTo(await api.messages(streaming), "SLOW:2000:10")).length > 50)

  fill()
  const refused = await eventually(async () => {
    const answer = await api.post("/session", { title: "too late" })
    return answer.status !== 200 && answer
  }, 3000)
  assert.equal(refused.status, 507)
  assert.match(JSON.stringify(refused.body), /disk is full/)
  assert.equal((await api.promptAsync(quiet, "refused")).status, 507)
  assert.equal((await api.get("/session")).status, 200)
  const cut = await eventually(async () => {
    const answer = answerTo(await api.messages(streaming), "SLOW:2000:10")
    return answer?.info.time.completed && answer
  }, 5000)
  assert.match(cut.info.error.data.message, /disk is full/)
  assert.ok(textOf(cut).length > 0, "what was streamed is kept")

  await server.kill()
  const began = Date.now()
  server = await serve()
  api = client(server.url)
  assert.equal((await api.get("/session")).body.length, 2, "a start on the full disk serves reads")
  assert.ok(Date.now() - began < 10_000, "it took too long")
  assert.equal((await api.post("/session", {})).status, 507)
  assert.equal((await api.messages(quiet)).length, 2, "the refused prompt is nowhere")
  assert.equal(answerTo(await api.messages(streaming), "SLOW:2000:10").info.error.data.message, cut.info.error.data.message)

  rmSync(inside("filler"))
  await eventually(async () => (await api.post("/session", { title: "again" })).status === 200, 5000)
  const answered = await eventually(async () => {
    const answer = answerTo(await api.messages(streaming), "queued")
    return answer?.info.time.completed && answer
  })
  assert.equal(answered.info.finish, "stop", "what was acknowledged before is answered")
})

test("without a restart it goes on with what was queued when there is room again", { skip }, async () => {
  const server = await serve()
  const api = client(server.url)
  const session = (await api.session({ title: "queue" })).id
  assert.equal((await api.promptAsync(session, "SLOW:2000:10")).status, 204)
  assert.equal((await api.promptAsync(session, "second")).status, 204)
  await eventually(async () => textOf(answerTo(await api.messages(session), "SLOW:2000:10")).length > 50)
  fill()
  await eventually(async () => (await api.post("/session", {})).status === 507, 3000)
  await eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, 5000)
  rmSync(inside("filler"))
  await eventually(async () => (await api.post("/session", { title: "again" })).status === 200, 5000)
  const answered = await eventually(async () => {
    const answer = answerTo(await api.messages(session), "second")
    return answer?.info.time.completed && answer
  })
  assert.equal(answered.info.finish, "stop")
})
