// What models and their providers do wrong: each case ends, in an answer or in an error that is stored and typed; no
// session is busy after its deadline, and no step makes more than six requests.
import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"

import { client, eventually, events, isIdle, makeWorld } from "../support/server.mjs"

const tool = 'TOOL:[["bash",{"command":"true","description":"d"}]]'
const ok = (check = () => {}) => ({ ok: true, check })
const error = (name, requests, status) => ({ name, requests, status })

// Directives of the scripted model, and how the turn has to end. The endless ones need a minute of backoff, so they run
// all at once. `requests` is the most that one step may make.
const faults = [
  ["reset before the answer, once", "FAULT:reset:1", ok()],
  ["reset before the answer, twice", "FAULT:reset:2", ok()],
  ["reset in the middle, once", "FAULT:reset-mid:1", ok()],
  ["reset in the middle, twice", "FAULT:reset-mid:2", ok()],
  ["end in the middle, once", "FAULT:eof-mid:1", ok()],
  ["429 once", "ERR:429:1", ok()],
  ["429 twice", "ERR:429:2", ok()],
  ["500 once", "ERR:500:1", ok()],
  ["500 twice", "ERR:500:2", ok()],
  ["529 once", "ERR:529:1", ok()],
  ["529 twice", "ERR:529:2", ok()],
  ["broken chunk, once", "FAULT:badjson:1", ok()],
  ["error in the stream, once", "FAULT:errobj:1", ok()],
  ["Retry-After: 1, twice", "ERR:429:2\nRETRYAFTER:1", ok()],
  ["400", "ERR:400", error("APIError", 1, 400)],
  ["401", "ERR:401", error("APIError", 1, 401)],
  ["402", "ERR:402", error("APIError", 1, 402)],
  ["404", "ERR:404", error("APIError", 1, 404)],
  ["context overflow: summarised, then answered", "FAULT:overflow", ok(() => {})],
  ["a web page", "FAULT:html", error("UnknownError", 1)],
  ["an empty answer", "FAULT:empty", error("UnknownError", 2)],
  ["broken chunks for ever", "FAULT:badjson", error("UnknownError", 2)],
  ["bytes that are no text, once", "FAULT:junk:1", ok()],
  ["a refusal", "REFUSE", error("ContentFilterError", 1)],
  ["a content filter", "FILTER", error("ContentFilterError", 1)],
  ["arguments cut off, once", `FAULT:trunc-tool:1\n${tool}`, ok()],
  ["arguments cut off, for ever", "FAULT:trunc-tool", error("UnknownError", 5)],
  ["arguments that are no object, for ever", "FAULT:bad-args", error("UnknownError", 5)],
  ["a tool that is not there, for ever", "FAULT:unknown-tool", error("UnknownError", 5)],
  ["the same call for ever", "FAULT:loop-tool", error("UnknownError", 5)],
  ["three calls in a circle", "FAULT:period", error("UnknownError", 12)],
  ["a delta of 10 MB", "FAULT:huge", ok((parts) => assert.equal(parts.find((p) => p.type === "text").text.length, 10_000_000))],
  ["an answer that is cut by its length", "LEN", ok()],
  ["silence for ever is ended by an abort", "FAULT:hang", { aborted: true }],
]
// About 62 s each: 2, 4, 8, 16 and 30 s between six requests. Only with FAULT_SLOW=1.
const endless = [
  ["bytes that are no text, for ever", "FAULT:junk", error("APIError", 6)],
  ["resets for ever", "FAULT:reset", error("APIError", 6)],
  ["429 for ever", "ERR:429", error("APIError", 6, 429)],
  ["500 for ever", "ERR:500", error("APIError", 6, 500)],
  ["503 for ever", "ERR:503", error("APIError", 6, 503)],
  ["529 for ever", "ERR:529", error("APIError", 6, 529)],
  ["errors in the stream for ever", "FAULT:errobj", error("APIError", 6)],
  ["silence for ever", "FAULT:hang", error("APIError", 6)],
  ["silence in the middle of each answer", "FAULT:hang-mid", error("APIError", 6)],
]

let world, server, api
before(async () => {
  world = await makeWorld({ config: { permission: "allow", quarterdeck: { retry: { wait_max_s: 3600, silence_s: 2 } } } })
  server = await world.serve()
  api = client(server.url)
})
after(() => world.close())

test("34 faults and those without end", { timeout: 280_000, concurrency: true }, async (t) => {
  const table = process.env.FAULT_SLOW ? [...faults, ...endless] : faults
  assert.ok(faults.length >= 34)
  await Promise.all(
    table.map(([name, directives, wanted]) =>
      t.test(name, async () => {
        const session = (await api.session({ title: name })).id
        const prompt = `${directives}\n(${name})`
        if (wanted.aborted) {
          await api.promptAsync(session, prompt)
          await eventually(async () => (await world.modelRequests()).some((body) => JSON.stringify(body).includes(name)))
          await api.post(`/session/${session}/abort`)
        } else {
          await api.prompt(session, prompt)
        }
        await eventually(async () => !(await api.get("/session/status")).body[session])
        const messages = await api.messages(session)
        const answers = messages.filter((message) => message.info.role === "assistant")
        const last = answers.at(-1)
        assert.ok(answers.every((answer) => answer.info.time.completed), "an answer is still open")
        assert.ok(
          answers.every((answer) => answer.parts.every((part) => part.type !== "tool" || ["completed", "error"].includes(part.state.status))),
          "a tool call is still open",
        )
        if (wanted.ok) {
          assert.equal(last.info.error, undefined, JSON.stringify(last.info.error))
          wanted.check(last.parts)
        } else if (wanted.aborted) {
          assert.equal(last.info.error.name, "MessageAbortedError")
        } else {
          assert.equal(last.info.error?.name, wanted.name, JSON.stringify(last.info.error))
          assert.ok(last.info.error.data.message.length > 5)
          if (wanted.status) assert.equal(last.info.error.data.statusCode, wanted.status)
          assert.ok(answers.length <= wanted.requests, `${answers.length} steps`)
        }
      }),
    ),
  )
  // Bodies are kept for the newest hundred requests: enough to count those of one case.
  for (const [name, , wanted] of table) {
    if (!wanted.name) continue
    const sent = (await world.modelRequests()).filter((body) => JSON.stringify(body.messages ?? "").includes(`(${name})`) && body.tools)
    assert.ok(sent.length <= wanted.requests, `${name}: ${sent.length} requests`)
  }
})

for (const how of ["hang", "hang-mid"]) {
  test(`a model that is silent (${how}) is asked again, and the next answer counts`, async () => {
    const session = (await api.session({ title: how })).id
    const answer = await api.prompt(session, `FAULT:${how}:1`)
    assert.equal(answer.body.info.error, undefined, JSON.stringify(answer.body.info.error))
    assert.equal(answer.body.info.finish, "stop")
  })
}

test("a long Retry-After is a state with the time when it goes on, and can be ended", async () => {
  const stream = events(server.url)
  await stream.connected
  const session = (await api.session({ title: "long" })).id
  await api.promptAsync(session, "ERR:429\nRETRYAFTER:3600")
  const waiting = await stream.until((e) => e.type === "session.status" && e.properties.sessionID === session && e.properties.status.type === "retry")
  const left = waiting.properties.status.next - Date.now()
  assert.ok(left > 3_500_000 && left <= 3_600_000, String(left))
  assert.equal((await api.get("/session/status")).body[session].type, "retry")
  const part = await eventually(async () => (await api.messages(session)).at(-1).parts.find((p) => p.type === "retry"))
  assert.equal(part.attempt, 1)
  assert.equal(part.error.data.metadata.resumeAt, String(waiting.properties.status.next))
  await api.post(`/session/${session}/abort`)
  await stream.until(isIdle(session))
  stream.close()
})

test("a longer Retry-After than allowed ends the turn and says when to come back", async () => {
  // A world of its own: after a Retry-After its provider rests for a while.
  const other = await makeWorld()
  try {
    const there = client((await other.serve()).url)
    const session = (await there.session({ title: "too long" })).id
    const answer = await there.prompt(session, "ERR:429\nRETRYAFTER:301")
    assert.equal(answer.body.info.error.name, "APIError")
    assert.match(answer.body.info.error.data.message, /come back in 301 s, at 20\d\d-\d\d-\d\dT/)
  } finally {
    await other.close()
  }
})

test("the next model of the chain goes on, and everybody sees which", async () => {
  const other = await makeWorld()
  const fake = (url) => ({ npm: "@ai-sdk/openai-compatible", options: { baseURL: `${url}/v1`, apiKey: "key" }, models: { fake: { limit: { context: 200000, output: 8000 } } } })
  const claude = { npm: "@ai-sdk/anthropic", options: { baseURL: `${other.modelURL}/v1`, apiKey: "key" }, models: { m: { reasoning: true, limit: { context: 200000, output: 8000 } } } }
  const config = {
    model: "down/fake",
    small_model: "claude/m",
    permission: "allow",
    provider: { down: fake("http://127.0.0.1:1"), claude },
    quarterdeck: { fallback: { "down/fake": ["gone/m", "claude/m"] } },
  }
  writeFileSync(join(other.directory, "opencode.json"), JSON.stringify(config))
  const started = await other.serve()
  try {
    const there = client(started.url)
    const session = (await there.session({ title: "fallback" })).id
    const answer = await there.prompt(session, tool)
    assert.equal(answer.body.info.error, undefined, JSON.stringify(answer.body.info.error))
    assert.equal(answer.body.info.providerID, "claude")
    const messages = (await there.messages(session)).filter((m) => m.info.role === "assistant")
    assert.equal(messages.length, 2)
    const seen = messages[0].parts.find((part) => part.metadata?.quarterdeck?.fallback)
    assert.equal(seen.metadata.quarterdeck.fallback.from, "down/fake")
    assert.equal(seen.metadata.quarterdeck.fallback.to, "claude/m")
    assert.match(seen.text, /Going on with claude\/m/)
    assert.ok(messages[1].parts.every((part) => !part.metadata?.quarterdeck), "the rest of the turn stays with it")
    assert.ok(!JSON.stringify(await other.modelRequests()).includes("Going on with"), "the model is not told")
  } finally {
    await other.close()
  }
})
