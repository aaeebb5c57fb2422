// Answers in the form of a JSON schema, as OpenCode's clients ask for them (`format`), and where they end.
import assert from "node:assert/strict"
import { afterEach, beforeEach, test } from "node:test"
import { client, makeWorld } from "../support/server.mjs"

let world, api
beforeEach(async () => {
  world = await makeWorld()
  api = client((await world.serve()).url)
})
afterEach(() => world?.close())

const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: { name: { type: "string" }, count: { type: "integer", minimum: 1 } },
  required: ["name", "count"],
}
const call = (...calls) => `TOOL:${JSON.stringify(calls)}`
const answer = (input) => ["StructuredOutput", input]
const ask = (session, text, format) =>
  api.post(`/session/${session}/message`, { parts: [{ type: "text", text }], format: { type: "json_schema", schema, ...format } })
const requests = async () => (await world.modelRequests()).map((r) => r.body ?? r).filter((r) => r.messages?.[0]?.content?.includes?.("StructuredOutput"))

test("the call's arguments become the message's structured answer and end the turn", async () => {
  const session = (await api.session({ title: "structured" })).id
  const { info, parts } = (await ask(session, `${call(["bash", { command: "true", description: "x" }])}\n${call(answer({ name: "a", count: 2 }))}`)).body
  assert.deepEqual(info.structured, { name: "a", count: 2 })
  assert.equal(info.finish, "tool-calls")
  assert.equal(info.error, undefined)
  const { state } = parts.find((p) => p.tool === "StructuredOutput")
  assert.equal(state.output, "Structured output captured successfully.")
  assert.deepEqual([state.title, state.metadata], ["Structured Output", { valid: true }])
  const stored = (await api.messages(session)).at(-1).info
  assert.deepEqual(stored.structured, info.structured)
  const asked = (await requests()).at(-1)
  assert.equal(asked.tool_choice, "required")
  const tool = asked.tools.find((t) => t.function.name === "StructuredOutput").function
  assert.equal(tool.parameters.$schema, undefined)
  assert.deepEqual(tool.parameters.required, schema.required)
})

test("an answer that does not fit is refused with its place, and may be corrected", async () => {
  const session = (await api.session({ title: "structured" })).id
  const { info } = (await ask(session, `${call(answer({ name: "a", count: 0 }))}\n${call(answer({ name: "a", count: 1 }))}`)).body
  assert.deepEqual(info.structured, { name: "a", count: 1 })
  const [first] = (await api.messages(session)).flatMap((m) => m.parts).filter((p) => p.type === "tool")
  assert.equal(first.state.status, "error")
  assert.match(first.state.error, /\/count: 0 is less than 1/)
})

test("a model that answers in words is reminded, then the turn ends with the error", async () => {
  const session = (await api.session({ title: "structured" })).id
  const { info } = (await ask(session, "hello", { retryCount: 1 })).body
  assert.deepEqual(info.error, {
    name: "StructuredOutputError",
    data: { message: "Model did not produce structured output", retries: 1 },
  })
  assert.equal((await requests()).length, 2)
  const none = (await ask(session, "hello", { retryCount: 0 })).body
  assert.equal(none.info.error.data.retries, 0)
  assert.equal((await ask(session, call(answer({ name: 1 })), { retryCount: 0 })).body.info.error.name, "StructuredOutputError")
})

test("rules do not take the answer's tool away, and other prompts do not have it", async () => {
  const session = (await api.session({ permission: [{ permission: "*", pattern: "*", action: "deny" }] })).id
  const { info } = (await ask(session, call(answer({ name: "a", count: 1 })))).body
  assert.deepEqual(info.structured, { name: "a", count: 1 })
  const plain = (await api.post(`/session/${session}/message`, { parts: [{ type: "text", text: call(answer({ name: "a", count: 1 })) }], format: { type: "text" } })).body
  assert.equal(plain.info.structured, undefined)
})

test("a wrong format is refused with its place", async () => {
  const session = (await api.session()).id
  const send = async (format) => {
    const { status, body } = await api.post(`/session/${session}/message`, { parts: [{ type: "text", text: "x" }], format })
    assert.equal(status, 400)
    return JSON.stringify(body)
  }
  assert.match(await send({ type: "xml" }), /format.*type/)
  assert.match(await send({ type: "json_schema" }), /format.*schema/)
  assert.match(await send({ type: "json_schema", schema: [] }), /format.*schema/)
  assert.match(await send({ type: "json_schema", schema: {}, retryCount: -1 }), /retryCount/)
})
