// The server is killed with kill -9 at bad moments. What it acknowledged is there afterwards, nothing stays open, no
// side effect happens twice, no process is left.
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, test } from "node:test"
import { client, events, eventually, isIdle, makeWorld } from "../support/server.mjs"
import { failpoints } from "./harness/crash.mjs"

const hasFailpoints = failpoints(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck").length > 0

let world
beforeEach(async () => (world = await makeWorld()))
afterEach(() => world?.close())

const open = (messages) => messages.filter((m) => m.info.role === "assistant" && !m.info.time.completed)
const running = (messages) =>
  messages.flatMap((m) => m.parts).filter((p) => p.type === "tool" && ["pending", "running"].includes(p.state.status))
const texts = (message) => message.parts.filter((p) => p.type === "text").map((p) => p.text).join("")
const processes = (mark) => {
  try {
    return execFileSync("pgrep", ["-f", mark], { encoding: "utf8" }).trim().split("\n")
  } catch {
    return []
  }
}

test("mid-stream: what was seen 250 ms before the kill is kept, and the turn goes on", async () => {
  let server = await world.serve()
  let api = client(server.url)
  const session = (await api.session({ title: "stream" })).id
  const stream = events(server.url)
  await stream.connected
  assert.equal((await api.promptAsync(session, "SLOW:400:10")).status, 204)
  await stream.until((e) => e.type === "message.part.delta" && e.properties.delta === "word99 ")
  const seen = stream.seen.filter((e) => e.type === "message.part.delta").map((e) => e.properties.delta).join("")
  // What is allowed to be lost: the newest 250 ms.
  await new Promise((resolve) => setTimeout(resolve, 260))
  await server.kill()
  await stream.done

  server = await world.serve()
  api = client(server.url)
  await eventually(async () => open(await api.messages(session)).length <= 1, 5000)
  // Within 5 s of the restart the interrupted message is closed; the resumed turn writes another one.
  const cut = await eventually(async () => {
    const message = (await api.messages(session))[1]
    return message.info.time.completed && message
  }, 5000)
  assert.ok(texts(cut).startsWith(seen), `kept ${texts(cut).length} of ${seen.length} characters`)
  // The resumed turn answers the prompt.
  await eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, 20000)
  const messages = await api.messages(session)
  assert.equal(open(messages).length, 0)
  assert.equal(messages.at(-1).info.finish, "stop")
})

test("mid-tool: the command is not run again, its processes are gone, the model is told", async () => {
  let server = await world.serve()
  let api = client(server.url)
  const session = (await api.session({ title: "tool" })).id
  const effect = join(world.directory, "effect.txt")
  const mark = `sleep 6${String(process.pid).padStart(6, "0")}`
  await api.promptAsync(session, `TOOL:[["bash",{"command":"echo once >> effect.txt; echo partial; ${mark} & ${mark}"}]]`)
  await eventually(() => existsSync(effect) && processes(mark).length > 0)
  // Until the partial output is stored.
  await eventually(async () => (await api.messages(session))[1]?.parts.some((p) => p.state?.metadata?.output?.includes("partial")))
  await new Promise((resolve) => setTimeout(resolve, 300))
  await server.kill()
  await eventually(() => processes(mark).length === 0, 2000)

  server = await world.serve()
  api = client(server.url)
  await eventually(async () => running(await api.messages(session)).length === 0, 5000)
  const messages = await api.messages(session)
  const call = messages[1].parts.find((p) => p.type === "tool")
  assert.equal(call.state.status, "error")
  assert.equal(call.state.metadata.interrupted, true)
  assert.match(call.state.metadata.output, /partial/)
  await eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0)
  assert.equal(readFileSync(effect, "utf8"), "once\n")
  const requests = await world.modelRequests()
  assert.match(JSON.stringify(requests.at(-1)), /outcome is unknown/)
})

test("two tools: the finished one keeps its result, the other is interrupted", async () => {
  let server = await world.serve()
  let api = client(server.url)
  const session = (await api.session({ title: "two" })).id
  await api.promptAsync(session, 'TOOL:[["bash",{"command":"echo done-first"}],["bash",{"command":"sleep 60"}]]')
  await eventually(async () => (await api.messages(session))[1]?.parts.some((p) => p.state?.output === "done-first\n"))
  await server.kill()
  server = await world.serve()
  api = client(server.url)
  await eventually(async () => running(await api.messages(session)).length === 0, 5000)
  const tools = (await api.messages(session))[1].parts.filter((p) => p.type === "tool")
  assert.deepEqual(tools.map((t) => t.state.status), ["completed", "error"])
})

test("right after the acknowledgement: every acknowledged prompt is there and answered", async () => {
  let server = await world.serve()
  let api = client(server.url)
  const acknowledged = []
  for (let round = 0; round < 4; round++) {
    const session = (await api.session({ title: `round ${round}` })).id
    for (let i = 0; i < 3; i++) {
      const answer = await api.promptAsync(session, `prompt ${round}.${i}`)
      if (answer.status === 204) acknowledged.push([session, `prompt ${round}.${i}`])
    }
    await server.kill()
    server = await world.serve()
    api = client(server.url)
  }
  assert.equal(acknowledged.length, 12)
  await eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, 20000)
  for (const [session, text] of acknowledged) {
    const messages = await api.messages(session)
    const prompt = messages.filter((m) => m.info.role === "user" && m.parts[0].text === text)
    assert.equal(prompt.length, 1, `${text} is stored once`)
    const answers = messages.filter((m) => m.info.parentID === prompt[0].info.id)
    assert.equal(answers.at(-1)?.info.finish, "stop", `${text} is answered: ${JSON.stringify(answers.at(-1)?.info)}`)
    assert.equal(open(messages).length, 0)
  }
})

test("a pending permission is still pending after the restart, and its answer lets the tool run", async () => {
  let server = await world.serve()
  let api = client(server.url)
  const session = (await api.session({ title: "ask", permission: [{ permission: "bash", pattern: "*", action: "ask" }] })).id
  await api.promptAsync(session, 'TOOL:[["bash",{"command":"echo granted > granted.txt"}]]')
  const [request] = await eventually(async () => {
    const list = (await api.get("/permission")).body
    return list.length > 0 && list
  })
  await server.kill()
  server = await world.serve()
  api = client(server.url)
  const after = (await api.get("/permission")).body
  assert.deepEqual(after, [request])
  assert.equal(existsSync(join(world.directory, "granted.txt")), false)
  const stream = events(server.url)
  await stream.connected
  await eventually(async () => (await api.get("/session/status")).body[session])
  assert.equal((await api.post(`/permission/${request.id}/reply`, { reply: "once" })).status, 200)
  await stream.until(isIdle(session))
  stream.close()
  assert.ok(existsSync(join(world.directory, "granted.txt")))
  assert.deepEqual((await api.get("/permission")).body, [])
})

test("a question is still open after ten starts that were killed before its turn could wait again", { skip: !hasFailpoints }, async () => {
  let server = await world.serve()
  let api = client(server.url)
  const session = (await api.session({ title: "ask" })).id
  const questions = [{ question: "Which one?", header: "Choice", options: [{ label: "A", description: "a" }] }]
  await api.promptAsync(session, `TOOL:${JSON.stringify([["question", { questions }]])}`)
  const [asked] = await eventually(async () => {
    const list = (await api.get("/question")).body
    return list.length > 0 && list
  })
  await server.kill()
  for (let start = 0; start < 10; start++) {
    // It ends itself, perhaps before it has said where it listens.
    const doomed = await world.serve({ env: { QUARTERDECK_FAILPOINT: "session.turn.prepared:1:kill" } }).catch(() => null)
    await doomed?.ended
  }
  server = await world.serve()
  api = client(server.url)
  assert.deepEqual((await api.get("/question")).body, [asked])
  await eventually(async () => (await api.get("/session/status")).body[session])
  const stream = events(server.url)
  await stream.connected
  assert.equal((await api.post(`/question/${asked.id}/reply`, { answers: [["A"]] })).body, true)
  await stream.until(isIdle(session))
  stream.close()
  const [call] = (await api.messages(session)).flatMap((m) => m.parts).filter((p) => p.type === "tool")
  assert.match(call.state.output, /"Which one\?"="A"/)
})

test("recovery policy end: the turn is closed with a stored reason and not resumed", async () => {
  let server = await world.serve()
  let api = client(server.url)
  const session = (await api.session({ title: "end" })).id
  const stream = events(server.url)
  await stream.connected
  await api.promptAsync(session, "SLOW:400:10")
  await stream.until((e) => e.type === "message.part.delta")
  await server.kill()
  await stream.done
  const file = join(world.directory, "opencode.json")
  const settings = JSON.parse(readFileSync(file, "utf8"))
  writeFileSync(file, JSON.stringify({ ...settings, quarterdeck: { recovery: "end" } }))
  server = await world.serve()
  api = client(server.url)
  await eventually(async () => open(await api.messages(session)).length === 0, 5000)
  const messages = await api.messages(session)
  assert.equal(messages.length, 2)
  assert.match(messages[1].info.error.data.message, /not resumed/)
  // The next prompt works.
  assert.equal((await api.prompt(session, "hello")).body.info.finish, "stop")
})

test("SIGTERM with a running tool: no process is left, the turn goes on with the next start", async () => {
  let server = await world.serve()
  let api = client(server.url)
  const session = (await api.session({ title: "term" })).id
  const mark = `sleep 7${String(process.pid).padStart(6, "0")}`
  await api.promptAsync(session, `TOOL:[["bash",{"command":"${mark}"}]]`)
  await eventually(() => processes(mark).length > 0)
  const began = Date.now()
  await server.stop()
  assert.ok(Date.now() - began < 5000, "it took too long to stop")
  await eventually(() => processes(mark).length === 0, 2000)
  server = await world.serve()
  api = client(server.url)
  await eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0)
  const messages = await api.messages(session)
  assert.equal(open(messages).length, 0)
  assert.equal(messages.at(-1).info.finish, "stop")
})
