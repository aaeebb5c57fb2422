// The npm package opencode-ai as `opencode run --attach`, unchanged, against our server.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { runAttached } from "../support/opencode_run.mjs"
import { makeWorld, client } from "../support/server.mjs"

let world, server, api
before(async () => {
  world = await makeWorld({ config: { command: { say: { template: "WORDS:3\n$ARGUMENTS" } } } })
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

const run = (args, input) => runAttached(world, server.url, args, { input })
const said = (result) => result.lines.filter((l) => l.type === "text").map((l) => l.part.text).join("")

test("a slash command prints its answer", async () => {
  const result = await run(["--command", "say", "please"])
  assert.equal(result.code, 0, result.err)
  assert.equal(said(result), "word0 word1 word2 ")
})

test("a plain prompt prints its answer", async () => {
  const result = await run(["hello"])
  assert.equal(result.code, 0, result.err)
  assert.equal(said(result), "word0 word1 word2 word3 word4 word5 word6 word7 ")
  assert.deepEqual(result.lines.map((l) => l.type), ["step_start", "text", "step_finish"])
})

test("tool calls are run and shown", async () => {
  const result = await run([], 'TOOL:[["bash",{"command":"cat a.txt","description":"look"}]]')
  assert.equal(result.code, 0, result.err)
  const tool = result.lines.find((l) => l.type === "tool_use")
  assert.equal(tool.part.tool, "bash")
  assert.equal(tool.part.state.output, "one\ntwo\n")
  assert.equal(said(result), "Done.")
})

test("--continue goes on with the last session, --session with the named one", async () => {
  const first = await run(["--title", "to be continued", "hello"])
  const id = first.lines[0].sessionID
  const second = await run(["--continue", "more"])
  assert.equal(second.lines[0].sessionID, id)
  const third = await run(["--session", id, "even more"])
  assert.equal(third.lines[0].sessionID, id)
  const messages = await api.messages(id)
  assert.deepEqual(messages.map((m) => m.info.role), ["user", "assistant", "user", "assistant", "user", "assistant"])
  assert.equal((await api.get(`/session/${id}`)).body.title, "to be continued")
})

test("a model error is shown as an error", async () => {
  const result = await run(["ERR:400"])
  assert.equal(result.lines.find((l) => l.type === "error")?.error.name, "APIError")
})

test("an unknown session is refused", async () => {
  const result = await run(["--session", "ses_nope", "hello"])
  assert.notEqual(result.code, 0)
})

test("no final text is lost when several runs finish at once", async () => {
  const results = await Promise.all(Array.from({ length: 4 }, () => run(["hello"])))
  for (const result of results) assert.equal(said(result), "word0 word1 word2 word3 word4 word5 word6 word7 ")
})
