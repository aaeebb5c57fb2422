// The npm package @opencode-ai/sdk, unchanged, against our server.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { createOpencodeClient } from "@opencode-ai/sdk"
import { createOpencodeClient as createV2 } from "@opencode-ai/sdk/v2"
import { makeWorld } from "../support/server.mjs"

let world, server, sdk, v2
before(async () => {
  world = await makeWorld()
  server = await world.serve()
  sdk = createOpencodeClient({ baseUrl: server.url, directory: world.directory })
  v2 = createV2({ baseUrl: server.url, directory: world.directory })
})
after(() => world?.close())

const text = (parts) => parts.filter((p) => p.type === "text").map((p) => p.text).join("")
const prompt = (session, said) => ({ path: { id: session }, body: { parts: [{ type: "text", text: said }] } })

test("a session is created, read, renamed, listed and deleted", async () => {
  const made = (await sdk.session.create({ body: { title: "first" } })).data
  assert.match(made.id, /^ses_[0-9a-f]{12}[0-9A-Za-z]{14}$/)
  assert.equal(made.title, "first")
  assert.equal(made.directory, world.directory)
  assert.deepEqual((await sdk.session.get({ path: { id: made.id } })).data, made)
  const renamed = (await sdk.session.update({ path: { id: made.id }, body: { title: "second" } })).data
  assert.equal(renamed.title, "second")
  const child = (await sdk.session.create({ body: { parentID: made.id } })).data
  assert.deepEqual((await sdk.session.children({ path: { id: made.id } })).data.map((s) => s.id), [child.id])
  assert.ok((await sdk.session.list()).data.some((s) => s.id === made.id))
  assert.equal((await sdk.session.delete({ path: { id: made.id } })).data, true)
  assert.equal((await sdk.session.get({ path: { id: child.id } })).response.status, 404)
})

test("a prompt is answered with streamed text, steps and tokens", async () => {
  const session = (await sdk.session.create({ body: {} })).data
  const answer = (await sdk.session.prompt(prompt(session.id, "hello"))).data
  assert.equal(answer.info.role, "assistant")
  assert.equal(answer.info.finish, "stop")
  assert.equal(answer.info.tokens.input, 100)
  assert.deepEqual(answer.parts.map((p) => p.type), ["step-start", "text", "step-finish"])
  assert.equal(text(answer.parts), "word0 word1 word2 word3 word4 word5 word6 word7 ")
  const messages = (await sdk.session.messages({ path: { id: session.id } })).data
  assert.deepEqual(messages.map((m) => m.info.role), ["user", "assistant"])
  assert.equal(messages[1].info.parentID, messages[0].info.id)
})

test("tools run in the project and their results go back to the model", async () => {
  const session = (await sdk.session.create({ body: { title: "tools" } })).data
  const calls = [["bash", { command: "cat a.txt" }], ["write", { filePath: join(world.directory, "new.txt"), content: "made\n" }]]
  const answer = (await sdk.session.prompt(prompt(session.id, `TOOL:${JSON.stringify(calls)}`))).data
  assert.equal(answer.info.finish, "stop")
  assert.equal(readFileSync(join(world.directory, "new.txt"), "utf8"), "made\n")
  const messages = (await sdk.session.messages({ path: { id: session.id } })).data
  const tools = messages[1].parts.filter((p) => p.type === "tool")
  assert.deepEqual(tools.map((t) => [t.tool, t.state.status]), [["bash", "completed"], ["write", "completed"]])
  assert.equal(tools[0].state.output, "one\ntwo\n")
  const requests = await world.modelRequests()
  const last = requests.at(-1).messages
  assert.deepEqual(last.filter((m) => m.role === "tool").map((m) => m.content)[0], "one\ntwo\n")
})

test("events arrive in OpenCode's order", async () => {
  const stream = (await sdk.event.subscribe()).stream[Symbol.asyncIterator]()
  assert.equal((await stream.next()).value.type, "server.connected")
  const session = (await sdk.session.create({ body: { title: "events" } })).data
  await sdk.session.promptAsync(prompt(session.id, "hello"))
  const types = []
  for (let event; event?.type !== "session.idle"; ) {
    event = (await stream.next()).value
    types.push(event.type === "message.part.updated" ? `part:${event.properties.part.type}` : event.type)
  }
  const squeezed = types.filter((t, i) => t !== types[i - 1] && !t.startsWith("server.")).join(" ")
  assert.equal(
    squeezed,
    "session.created session.updated message.updated part:text session.updated session.status message.updated " +
      "part:step-start part:text message.part.delta part:text part:step-finish message.updated session.updated " +
      "message.updated session.status session.idle",
  )
})

test("a long answer is aborted at once", async () => {
  const session = (await sdk.session.create({ body: { title: "abort" } })).data
  const asked = sdk.session.prompt(prompt(session.id, "SLOW:500:20"))
  const stream = await sdk.event.subscribe()
  for await (const event of stream.stream) {
    if (event.type === "message.part.updated" && event.properties.part.sessionID === session.id) break
    if (event.type === "message.part.delta" && event.properties.sessionID === session.id) break
  }
  const began = Date.now()
  assert.equal((await sdk.session.abort({ path: { id: session.id } })).data, true)
  const answer = (await asked).data
  assert.ok(Date.now() - began < 2000, "the abort took too long")
  assert.equal(answer.info.error.name, "MessageAbortedError")
  assert.ok(answer.info.time.completed)
  assert.deepEqual((await sdk.session.status()).data, {})
})

test("permissions are asked, answered once, always and never", async () => {
  const session = (
    await v2.session.create({ title: "ask", permission: [{ permission: "bash", pattern: "*", action: "ask" }] })
  ).data
  const stream = await v2.event.subscribe()
  // for await closes the stream; take the iterator by hand instead.
  const iterator = stream.stream[Symbol.asyncIterator]()
  const until = async (type) => {
    for (;;) {
      const { value, done } = await iterator.next()
      if (done) throw new Error("the stream ended")
      if (value.type === type) return value.properties
    }
  }
  // The SDK connects with the first event that is asked for.
  await until("server.connected")
  const say = (line) => v2.session.promptAsync({ sessionID: session.id, parts: [{ type: "text", text: line }] })
  await say('TOOL:[["bash",{"command":"echo allowed"}]]')
  const first = await until("permission.asked")
  assert.deepEqual(first.patterns, ["echo allowed"])
  assert.deepEqual((await v2.permission.list()).data.map((p) => p.id), [first.id])
  assert.equal((await v2.permission.reply({ requestID: first.id, reply: "once" })).data, true)
  await until("session.idle")

  await say('TOOL:[["bash",{"command":"echo refused"}]]')
  const second = await until("permission.asked")
  await v2.permission.reply({ requestID: second.id, reply: "reject" })
  await until("session.idle")
  assert.equal((await v2.permission.reply({ requestID: second.id, reply: "once" })).response.status, 404)

  await say('TOOL:[["bash",{"command":"echo ever"}]]\nTOOL:[["bash",{"command":"echo again"}]]')
  const third = await until("permission.asked")
  await v2.permission.reply({ requestID: third.id, reply: "always" })
  await until("session.idle")

  const messages = (await v2.session.messages({ sessionID: session.id })).data
  const states = messages.flatMap((m) => m.parts).filter((p) => p.type === "tool").map((p) => p.state)
  assert.deepEqual(states.map((s) => s.status), ["completed", "error", "completed", "completed"])
  assert.equal(states[1].error, "The user rejected permission to use this specific tool call.")
  assert.deepEqual((await v2.permission.list()).data, [])
})

test("configuration, agents, providers and projects are there for clients", async () => {
  assert.equal((await sdk.config.get()).data.model, "fake/fake")
  const agents = (await sdk.app.agents()).data.map((a) => a.name)
  assert.equal(agents[0], "build")
  assert.ok(agents.includes("plan"))
  const providers = (await sdk.config.providers()).data
  assert.equal(providers.providers[0].models.fake.limit.context, 200000)
  assert.equal(providers.default.fake, "fake")
  assert.equal((await sdk.project.current()).data.worktree, world.directory)
  assert.equal((await sdk.path.get()).data.directory, world.directory)
})
