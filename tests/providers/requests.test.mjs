// Whole sessions over every protocol, and what our server sent: each request must fit the types of the provider's own
// SDK (checked by the TypeScript compiler, unknown members included).
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"

import { client, makeWorld } from "../support/server.mjs"

const here = import.meta.dirname
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// provider id → its configuration, and the SDK type that its requests must have
const wires = {
  chat: { npm: "@ai-sdk/openai-compatible", path: "/v1", type: "OpenAI.ChatCompletionCreateParamsStreaming" },
  responses: { npm: "@ai-sdk/openai", path: "/v1", variant: "high", type: "ResponsesBody" },
  messages: { npm: "@ai-sdk/anthropic", path: "/v1", variant: "max", type: "Anthropic.MessageCreateParamsStreaming", model: "claude-sonnet-4-5" },
  gemini: { npm: "@ai-sdk/google", path: "/v1beta", variant: "high", type: "GeminiBody", model: "gemini-3-pro" },
  azure: { npm: "@ai-sdk/azure", path: "/openai", type: "ResponsesBody", model: "gpt-5" },
  bedrock: { npm: "@ai-sdk/amazon-bedrock", path: "", type: "ConverseBody", model: "eu.anthropic.claude-sonnet-4-5-20250929-v1:0" },
}

let world, server, api
before(async () => {
  world = await makeWorld()
  const provider = {}
  for (const [id, wire] of Object.entries(wires)) {
    const options = id === "bedrock" ? { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "scripted-secret", region: "eu-central-1" } : { apiKey: "key" }
    const model = { name: id, id: wire.model ?? "m", tool_call: true, reasoning: true, attachment: true, limit: { context: 200000, output: 32000 } }
    provider[id] = { npm: wire.npm, options: { baseURL: world.modelURL + wire.path, ...options }, models: { m: model } }
  }
  // The user's own configuration: a project's would not be trusted with an address that gets keys.
  const config = { model: "chat/m", small_model: "chat/m", permission: "allow", provider }
  server = await world.serve({ env: { OPENCODE_CONFIG_CONTENT: JSON.stringify(config) } })
  api = client(server.url)
})
after(() => world.close())

const steps = 'REASON\nPRE\nTOOL:[["bash",{"command":"echo one","description":"d"}],["read",{"filePath":"a.txt"}]]\nTOOL:[["read",{"filePath":"dot.png"}]]'

const sent = {}
for (const [id, wire] of Object.entries(wires)) {
  test(`${id}: a session with thoughts, parallel calls and images, over two turns`, async () => {
    writeFileSync(join(world.directory, "dot.png"), Buffer.from(pixel, "base64"))
    await fetch(`${world.modelURL}/reset`, { method: "POST" })
    const session = (await api.session({ title: id })).id
    const model = { providerID: id, modelID: "m" }
    const image = { type: "file", mime: "image/png", filename: "dot.png", url: `data:image/png;base64,${pixel}` }
    const first = await api.prompt(session, steps, { model, variant: wire.variant, parts: [{ type: "text", text: steps }, image] })
    assert.equal(first.body.info.error, undefined, JSON.stringify(first.body.info.error))
    assert.equal(first.body.parts.find((part) => part.type === "text").text, "Done.")
    // No model named: the session's own goes on.
    const second = await api.prompt(session, "WORDS:2", { variant: wire.variant })
    assert.equal(second.body.info.error, undefined)
    assert.equal(second.body.info.providerID, id)
    assert.equal(second.body.info.variant, wire.variant)

    const messages = await api.messages(session)
    const parts = messages.flatMap((message) => message.parts)
    assert.equal(parts.filter((part) => part.type === "tool" && part.state.status === "completed").length, 3)
    assert.ok(parts.some((part) => part.type === "reasoning" && part.text === "think0 think1 think2 "))
    const metadata = JSON.stringify(parts.map((part) => part.metadata))
    const kept = { responses: "reasoningEncryptedContent", azure: "reasoningEncryptedContent", messages: "signature", gemini: "thoughtSignature", bedrock: "signature" }[id]
    if (kept) assert.ok(metadata.includes(kept), metadata)
    sent[id] = await world.modelRequests()
    assert.ok(sent[id].length >= 4)
  })
}

test("what was sent fits the SDKs' types", () => {
  const directory = mkdtempSync(join(here, "node_modules", ".requests-"))
  let source = `import Anthropic from "@anthropic-ai/sdk"
import type { ConverseStreamRequest } from "@aws-sdk/client-bedrock-runtime"
import { type Content, type FunctionCallingConfig, type FunctionDeclaration, type GenerationConfig, ThinkingLevel } from "@google/genai"
import OpenAI from "openai"
type GeminiBody = {
  systemInstruction?: Content; contents: Content[]; generationConfig?: GenerationConfig
  tools?: { functionDeclarations: FunctionDeclaration[] }[]; toolConfig?: { functionCallingConfig: { mode: "AUTO" | "ANY" } & Omit<FunctionCallingConfig, "mode"> }
}
// A stateless request names no items: the SDK's type wants the id of a thought, the service does without.
type Thought = Omit<OpenAI.Responses.ResponseReasoningItem, "id">
type ResponsesBody = Omit<OpenAI.Responses.ResponseCreateParamsStreaming, "input"> & { input: (OpenAI.Responses.ResponseInputItem | Thought)[] }
// The model stands in the address.
type ConverseBody = Omit<ConverseStreamRequest, "modelId">
`
  let number = 0
  for (const [id, bodies] of Object.entries(sent)) {
    for (const body of bodies) {
      let text = JSON.stringify(body)
      // The SDK's enumeration; on the wire it is a word, which Google's own examples write small.
      if (id === "gemini") text = text.replaceAll('"thinkingLevel":"high"', '"thinkingLevel":ThinkingLevel.HIGH')
      if (id === "bedrock") text = text.replaceAll(/"bytes":"[^"]*"/g, '"bytes":new Uint8Array()')
      source += `export const r${number++}: ${wires[id].type} = ${text}\n`
    }
  }
  assert.ok(number >= 24)
  writeFileSync(join(directory, "requests.ts"), source)
  try {
    execFileSync(join(here, "node_modules/.bin/tsc"), ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "requests.ts"], { cwd: directory, encoding: "utf8" })
  } catch (error) {
    assert.fail(error.stdout.slice(0, 4000))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
