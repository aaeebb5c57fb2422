// Clients that others made for OpenCode, unchanged, pointed at this server.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { generateText, streamText } from "ai"
import { createOpencode } from "ai-sdk-provider-opencode-sdk"
import { client, makeWorld } from "../support/server.mjs"

let world, server, api
before(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

const provider = (settings = {}) =>
  createOpencode({ baseUrl: server.url, autoStartServer: false, defaultSettings: { directory: world.directory, ...settings } })

test("ai-sdk-provider-opencode-sdk answers generateText", async () => {
  const { text, finishReason, usage } = await generateText({ model: provider()("fake/fake"), prompt: "hello" })
  assert.match(text, /word0 word1/)
  assert.equal(finishReason, "stop")
  assert.ok(usage.inputTokens > 0)
  const [session] = (await api.get("/session")).body
  assert.equal(session.directory, world.directory)
})

test("ai-sdk-provider-opencode-sdk streams text, with the tools that the agent calls", async () => {
  const prompt = 'TOOL:[["bash",{"command":"echo from the tool","description":"x"}]]'
  const { fullStream } = streamText({ model: provider()("fake/fake"), prompt })
  const kinds = []
  let text = ""
  for await (const part of fullStream) {
    kinds.push(part.type)
    if (part.type === "text-delta") text += part.text
    assert.notEqual(part.type, "error", JSON.stringify(part))
  }
  assert.match(text, /Done/)
  assert.ok(kinds.includes("tool-call") && kinds.includes("tool-result"), kinds.join(" "))
})
