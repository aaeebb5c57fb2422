// Answers in the form of a JSON schema, as OpenCode's clients ask for them (`format`), and where they end.
import assert from "node:assert/strict"
import { afterEach, beforeEach, test } from "node:test"
import { client, eventually, makeWorld } from "../support/server.mjs"

let world, server, api
beforeEach(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
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

test("a handoff that asks for a result gets it validated: in its session, its digest, and again after a review and a restart", async () => {
  const wants = { type: "object", properties: { cause: { type: "string" }, files: { type: "integer" } }, required: ["cause"] }
  const handoff = {
    request: `${call(["bash", { command: "true", description: "x" }])}\n${call(answer({ files: 1 }))}\n${call(answer({ cause: "a typo", files: 1 }))}`,
    in_place: true,
    result_schema: wants,
  }
  const key = { "idempotency-key": "result" }
  const session = (await api.post("/fleet/handoff", handoff, key)).body.sessionID
  assert.equal((await api.post("/fleet/handoff", handoff, key)).body.sessionID, session)
  const view = async (from = api) => (await from.get(`/fleet/session/${session}`)).body
  const settled = (wanted) => eventually(async () => (await view()).result?.cause === wanted && (await view()).attention.state === "ready", 30000)
  await settled("a typo")
  assert.deepEqual((await view()).result_schema, wants)
  assert.deepEqual((await api.get(`/fleet/session/${session}/digest`)).body.result, { cause: "a typo", files: 1 })

  // What is said later is answered in the same form; a person's own prompt is not bound to it.
  await api.post(`/fleet/session/${session}/message`, { text: call(answer({ cause: "a race" })) })
  await settled("a race")
  assert.equal((await api.prompt(session, "hello")).body.info.structured, undefined)
  assert.deepEqual((await view()).result, { cause: "a race" })
  await api.post(`/fleet/session/${session}/message`, { text: call(answer({ n: 3 })), result_schema: { properties: { n: { type: "integer" } } } })
  await eventually(async () => (await view()).result?.n === 3, 30000)

  await server.stop()
  const again = client((await world.serve()).url)
  assert.deepEqual((await view(again)).result, { n: 3 })
})

test("a schema that cannot be one is refused with its place", async () => {
  const refused = async (result_schema) => {
    const { status, body } = await api.post("/fleet/handoff", { request: "x", in_place: true, result_schema })
    assert.equal(status, 400)
    return JSON.stringify(body)
  }
  assert.match(await refused("text"), /Expected object.*result_schema/)
  assert.match(await refused({ type: "array" }), /result_schema.*type/)
  assert.match(await refused({ description: "x".repeat(20_001) }), /at most 20000 bytes.*result_schema/)
  assert.deepEqual((await api.get("/session")).body, [])
})
