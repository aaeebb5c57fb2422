// Every event reaches every subscriber once and in order, whatever happens to the connection; a subscriber that does not
// read costs little and hurts nobody.
//   QD_DISCONNECTS=60 QD_READERS=20 QD_DELTAS=6000      (the goals: 1000, 100, 50000)
import assert from "node:assert/strict"
import { afterEach, beforeEach, test } from "node:test"
import { setTimeout as delay } from "node:timers/promises"
import { sanitized } from "../support/sanitized.mjs"
import { client, eventually, makeWorld } from "../support/server.mjs"
import { follow, metric, percentile } from "../support/raw.mjs"

const number = (name, otherwise) => Number(process.env[name] ?? otherwise)
const disconnects = number("QD_DISCONNECTS", 60)
const readers = number("QD_READERS", 20)
const deltas = number("QD_DELTAS", 6000)

let world
beforeEach(async () => (world = await makeWorld()))
afterEach(() => world?.close())

const idle = async (api) => Object.keys((await api.get("/session/status")).body).length === 0
const own = (frame) => frame.event.type !== "server.connected"
const deltasOf = (frames) =>
  frames.filter((f) => f.event.type === "message.part.delta").map((f) => f.event.properties.delta).join("")

test(`${disconnects} disconnects at random: nothing missing, doubled or out of order`, { timeout: 600000 }, async () => {
  const server = await world.serve()
  const api = client(server.url)
  const session = (await api.session({ title: "drops" })).id
  const undisturbed = follow(server.url)
  await eventually(() => undisturbed.frames.length > 0)

  const seen = []
  let last = undisturbed.frames[0].id
  let running = true
  const prompts = (async () => {
    for (let turn = 0; running; turn++) await api.prompt(session, `SLOW:300:2 ${turn}`)
  })()
  let seed = 7
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648
  for (let i = 0; i < disconnects; i++) {
    const wanted = 1 + Math.floor(random() * 40)
    let taken = 0
    let stop
    const enough = new Promise((resolve) => (stop = resolve))
    const flaky = follow(server.url, "/global/event", {
      lastEventID: last,
      onFrame(frame) {
        if (taken >= wanted) return
        // The greeting says where we are; it is no event.
        if (own(frame)) {
          seen.push(frame)
          taken++
        }
        last = frame.id ?? last
        if (taken >= wanted) stop()
      },
    })
    await Promise.race([enough, delay(400), flaky.done])
    taken = wanted
    if (random() < 0.5) flaky.reset()
    else flaky.close()
    if (random() < 0.2) await delay(random() * 60)
  }
  running = false
  await prompts
  const rest = follow(server.url, "/global/event", { lastEventID: last, onFrame: (f) => own(f) && seen.push(f) })
  const end = undisturbed.frames.findLast(own).id
  await eventually(() => seen.at(-1)?.id >= end)
  rest.close()
  undisturbed.close()

  const all = undisturbed.frames.filter(own).filter((f) => f.id <= end)
  const got = seen.filter((f) => f.id <= end)
  for (let i = 1; i < got.length; i++) assert.ok(got[i].id > got[i - 1].id, `${got[i].id} after ${got[i - 1].id}`)
  assert.equal(got.length, all.length)
  for (let i = 0; i < all.length; i++) assert.equal(got[i].data, all[i].data)
})

test("a restart: durable events come once, in order, and ids go on", async () => {
  let server = await world.serve()
  let api = client(server.url)
  const session = (await api.session({ title: "restart" })).id
  const before = follow(server.url)
  await eventually(() => before.frames.length > 0)
  await api.prompt(session, "WORDS:5")
  await api.promptAsync(session, "SLOW:200:10")
  await eventually(() => before.frames.some((f) => f.event.properties?.delta === "word30 "))
  await server.kill()
  await before.done

  const missed = (frame) => frame.event.type !== "server.connected"
  server = await world.serve()
  api = client(server.url)
  const after = follow(server.url, `/global/event?after=${before.frames.at(-1).id}`)
  await eventually(async () => (await idle(api)) && after.frames.some((f) => f.event.type === "session.idle"), 20000)
  const ids = [...before.frames, ...after.frames].filter(missed).map((f) => f.id)
  for (let i = 1; i < ids.length; i++) assert.ok(ids[i] > ids[i - 1], `${ids[i]} after ${ids[i - 1]}`)
  // What clients now know is what is stored.
  const messages = await api.messages(session)
  for (const message of messages.slice(-2)) {
    for (const part of message.parts) {
      const told = [...before.frames, ...after.frames].findLast(
        (f) => f.event.type === "message.part.updated" && f.event.properties.part.id === part.id,
      )
      assert.deepEqual(told?.event.properties.part, part)
    }
  }
  after.close()
})

test("who joins in the middle of an answer sees the whole of it", async () => {
  const server = await world.serve()
  const api = client(server.url)
  const session = (await api.session({ title: "late" })).id
  const first = follow(server.url, "/event")
  await eventually(() => first.frames.length > 0)
  await api.promptAsync(session, "SLOW:150:10")
  await eventually(() => first.frames.some((f) => f.event.properties?.delta === "word60 "))
  const late = follow(server.url, "/event")
  await eventually(() => late.frames.some((f) => f.event.type === "session.idle"), 20000)
  const joined = late.frames.find((f) => f.event.type === "message.part.updated").event.properties.part.text
  assert.match(joined, /^word0 word1 .*word59 /)
  const text = joined + deltasOf(late.frames)
  const answer = (await api.messages(session)).at(-1).parts.find((p) => p.type === "text").text
  assert.equal(text.trimEnd(), answer.trimEnd())
  first.close()
  late.close()
})

test(`${readers} readers that never read: little memory, told why they end, nobody else slower`, { timeout: 300000 }, async () => {
  const server = await world.serve()
  const api = client(server.url)
  const memory = () => metric(server.url, "process_resident_memory_bytes")
  // Deltas of 200 bytes fill every buffer between the server and a reader; no faster than this process can read, too. In
  // answers of 1 MB, of a session each: what a conversation of 10 MB costs is another question.
  const flood = async (count) => {
    let peak = 0
    let asking = true
    const watch = (async () => {
      while (asking) {
        const started = performance.now()
        await api.get("/session/status")
        waits.push(performance.now() - started)
        peak = Math.max(peak, await memory())
        await delay(20)
      }
    })()
    for (let left = count; left > 0; left -= 5000) {
      const { id } = await api.session({ title: "flood" })
      await api.prompt(id, `[[bench deltas=${Math.min(left, 5000)} size=200 rate=4000]]`)
    }
    asking = false
    await watch
    return peak
  }
  const waits = []
  const before = await flood(deltas) // the same without them
  waits.length = 0
  const stuck = []
  for (let i = 0; i < readers; i++) stuck.push(follow(server.url, "/event"))
  await eventually(() => stuck.every((s) => s.frames.length > 0))
  for (const reader of stuck) reader.pause()
  const fast = follow(server.url, "/event")
  await eventually(() => fast.frames.length > 0)
  const peak = await flood(deltas)
  const words = () => fast.frames.filter((f) => f.event.type === "message.part.delta").length
  await eventually(() => words() >= deltas, 30000).catch(() => assert.fail(`the one who reads gets all: ${words()}`))
  const closedBy = Date.now() + 30000
  await eventually(async () => (await metric(server.url, "quarterdeck_feed_subscribers")) <= 1, 30000)
  assert.ok(Date.now() < closedBy)
  for (const reader of stuck) reader.resume()
  await Promise.all(stuck.map((reader) => reader.done))
  for (const reader of stuck) {
    const end = reader.frames.at(-1)
    assert.equal(end.event.type, "server.overrun", `the last frame of ${reader.frames.length}`)
    assert.equal(end.event.properties.lastEventID, reader.frames.at(-2).id)
  }
  const megabytes = (peak - before) / 1e6
  if (!sanitized) assert.ok(megabytes <= 32, `${megabytes.toFixed(1)} MB more`)
  console.log(`# ${readers} stuck readers, ${deltas} deltas: +${megabytes.toFixed(1)} MB, status p99 ${percentile(waits, 0.99).toFixed(1)} ms, worst ${Math.max(...waits).toFixed(1)} ms`)
  fast.close()
})
