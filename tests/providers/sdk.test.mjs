// The providers' own SDKs read the scripted model's answers: what they understand is what the real services say, so the
// double that our own decoders are tested against speaks the truth.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import Anthropic from "@anthropic-ai/sdk"
import { BedrockRuntimeClient, ConverseStreamCommand } from "@aws-sdk/client-bedrock-runtime"
import { GoogleGenAI } from "@google/genai"
import { NodeHttpHandler } from "@smithy/node-http-handler"
import OpenAI, { AzureOpenAI } from "openai"

import { startScriptedModel } from "../support/scripted.mjs"

// The scripted model speaks HTTP/1.1, as the service does too; the SDK would begin with HTTP/2.
const requestHandler = () => new NodeHttpHandler()

let model
before(async () => (model = await startScriptedModel()))
after(() => model.stop())

const prompt = 'REASON\nPRE\nCACHED:40\nTOOL:[["bash",{"command":"ls -l ü"}],["read",{"path":"/a"}]]'
const schema = { type: "object", properties: { command: { type: "string" } } }
const wantedCalls = [
  { name: "bash", input: { command: "ls -l ü" } },
  { name: "read", input: { path: "/a" } },
]
const thought = "think0 think1 think2 "
const text = "I will call a tool. "
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

test("openai: chat completions, streamed, in two steps", async () => {
  const client = new OpenAI({ baseURL: `${model.url}/v1`, apiKey: "key", maxRetries: 0 })
  const tools = ["bash", "read"].map((name) => ({ type: "function", function: { name, parameters: schema } }))
  const messages = [{ role: "user", content: prompt }]
  const stream = client.chat.completions.stream({ model: "m", messages, tools, stream_options: { include_usage: true } })
  const first = await stream.finalChatCompletion()
  const said = first.choices[0].message
  assert.equal(said.content, text)
  assert.equal(first.choices[0].finish_reason, "tool_calls")
  assert.deepEqual(said.tool_calls.map((c) => ({ name: c.function.name, input: JSON.parse(c.function.arguments) })), wantedCalls)
  assert.equal(first.usage.prompt_tokens, 100)
  assert.equal(first.usage.prompt_tokens_details.cached_tokens, 40)
  messages.push(said, ...said.tool_calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: "ok" })))
  const second = await client.chat.completions.create({ model: "m", messages, tools })
  assert.equal(second.choices[0].message.content, "Done.")
})

test("openai: Responses, streamed, in two steps with encrypted reasoning", async () => {
  const client = new OpenAI({ baseURL: `${model.url}/v1`, apiKey: "key", maxRetries: 0 })
  const tools = ["bash", "read"].map((name) => ({ type: "function", name, parameters: schema, strict: false }))
  const input = [
    { role: "user", content: [{ type: "input_text", text: prompt }, { type: "input_image", detail: "auto", image_url: `data:image/png;base64,${pixel}` }] },
  ]
  const types = new Set()
  const stream = client.responses.stream({ model: "m", input, tools, store: false, include: ["reasoning.encrypted_content"] })
  let number = 0
  for await (const event of stream) {
    types.add(event.type)
    assert.equal(event.sequence_number, number++)
  }
  const first = await stream.finalResponse()
  assert.ok(types.has("response.reasoning_summary_text.delta") && types.has("response.function_call_arguments.delta"))
  assert.equal(first.status, "completed")
  assert.equal(first.output_text, text)
  const reasoning = first.output.find((item) => item.type === "reasoning")
  assert.equal(reasoning.summary[0].text, thought)
  assert.ok(reasoning.encrypted_content)
  const calls = first.output.filter((item) => item.type === "function_call")
  assert.deepEqual(calls.map((c) => ({ name: c.name, input: JSON.parse(c.arguments) })), wantedCalls)
  assert.equal(first.usage.input_tokens_details.cached_tokens, 40)
  assert.equal(first.usage.output_tokens_details.reasoning_tokens, 3)
  input.push(...first.output, ...calls.map((c) => ({ type: "function_call_output", call_id: c.call_id, output: "ok" })))
  const second = await client.responses.create({ model: "m", input, tools, store: false })
  assert.equal(second.output_text, "Done.")
})

test("openai: Responses ends incomplete at the limit, and tells refusals", async () => {
  const client = new OpenAI({ baseURL: `${model.url}/v1`, apiKey: "key", maxRetries: 0 })
  const short = await client.responses.stream({ model: "m", input: "LEN" }).finalResponse()
  assert.equal(short.status, "incomplete")
  assert.equal(short.incomplete_details.reason, "max_output_tokens")
  const refused = await client.responses.stream({ model: "m", input: "REFUSE" }).finalResponse()
  assert.equal(refused.output[0].content[0].type, "refusal")
})

test("openai: Azure's addresses and key", async () => {
  const client = new AzureOpenAI({ endpoint: model.url, apiKey: "key", apiVersion: "2025-04-01-preview", deployment: "d", maxRetries: 0 })
  const answer = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "WORDS:2" }] })
  assert.equal(answer.choices[0].message.content, "word0 word1 ")
  const next = new OpenAI({ baseURL: `${model.url}/openai/v1`, apiKey: "key", defaultQuery: { "api-version": "v1" }, defaultHeaders: { "api-key": "key" }, maxRetries: 0 })
  assert.equal((await next.responses.create({ model: "m", input: "WORDS:1" })).output_text, "word0 ")
})

test("anthropic: Messages, streamed, in two steps with signed and redacted thoughts", async () => {
  const client = new Anthropic({ baseURL: model.url, apiKey: "key", maxRetries: 0 })
  const tools = ["bash", "read"].map((name) => ({ name, input_schema: schema }))
  const messages = [
    { role: "user", content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: pixel } }, { type: "text", text: prompt + "\nREDACTED" }] },
  ]
  const ask = () =>
    client.messages.stream({ model: "m", max_tokens: 4000, messages, tools, thinking: { type: "enabled", budget_tokens: 1024 } })
  const first = await ask().finalMessage()
  assert.equal(first.stop_reason, "tool_use")
  assert.deepEqual(first.content.map((b) => b.type), ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"])
  assert.equal(first.content[0].thinking, thought)
  assert.ok(first.content[0].signature)
  assert.equal(first.content[2].text, text)
  assert.deepEqual(first.content.slice(3).map(({ name, input }) => ({ name, input })), wantedCalls)
  assert.equal(first.usage.input_tokens, 60)
  assert.equal(first.usage.cache_read_input_tokens, 40)
  messages.push(
    { role: "assistant", content: first.content },
    { role: "user", content: first.content.slice(3).map((b) => ({ type: "tool_result", tool_use_id: b.id, content: "ok" })) },
  )
  const second = await ask().finalMessage()
  assert.equal(second.content.at(-1).text, "Done.")
})

test("anthropic: refusals, and errors as the SDK knows them", async () => {
  const client = new Anthropic({ baseURL: model.url, apiKey: "key", maxRetries: 0 })
  const ask = (content) => client.messages.stream({ model: "m", max_tokens: 100, messages: [{ role: "user", content }] }).finalMessage()
  assert.equal((await ask("REFUSE")).stop_reason, "refusal")
  await assert.rejects(ask("ERR:529"), (error) => error.status === 529 && error.error.error.type === "overloaded_error")
  await assert.rejects(ask("ERR:429"), Anthropic.RateLimitError)
  await assert.rejects(ask("FAULT:overflow"), Anthropic.BadRequestError)
  await assert.rejects(ask("FAULT:errobj"), /overloaded_error|fake failure/)
})

test("google: Gemini, streamed, in two steps with thought signatures", async () => {
  const client = new GoogleGenAI({ apiKey: "key", httpOptions: { baseUrl: model.url } })
  const config = {
    tools: [{ functionDeclarations: ["bash", "read"].map((name) => ({ name, parametersJsonSchema: schema })) }],
    thinkingConfig: { includeThoughts: true },
  }
  const contents = [{ role: "user", parts: [{ text: prompt }, { inlineData: { mimeType: "image/png", data: pixel } }] }]
  const said = []
  let last
  for await (const chunk of await client.models.generateContentStream({ model: "gemini-3-pro", contents, config })) {
    said.push(...(chunk.candidates?.[0]?.content?.parts ?? []))
    last = chunk
  }
  const all = (thinking) => said.filter((p) => Boolean(p.thought) === thinking).map((p) => p.text ?? "").join("")
  assert.equal(all(true), thought)
  assert.equal(all(false), text)
  const calls = said.filter((p) => p.functionCall)
  assert.deepEqual(calls.map((p) => ({ name: p.functionCall.name, input: p.functionCall.args })), wantedCalls)
  assert.ok(calls[0].thoughtSignature)
  assert.equal(last.candidates[0].finishReason, "STOP")
  assert.equal(last.usageMetadata.cachedContentTokenCount, 40)
  contents.push(
    { role: "model", parts: calls },
    { role: "user", parts: calls.map((p) => ({ functionResponse: { id: p.functionCall.id, name: p.functionCall.name, response: { output: "ok" } } })) },
  )
  const second = await client.models.generateContent({ model: "gemini-3-pro", contents, config })
  assert.equal(second.text, "Done.")
  const blocked = await client.models.generateContent({ model: "gemini-3-pro", contents: "FILTER" })
  assert.equal(blocked.candidates[0].finishReason, "SAFETY")
  await assert.rejects(client.models.generateContent({ model: "gemini-3-pro", contents: "ERR:503" }), /UNAVAILABLE|503/)
})

test("aws: ConverseStream, signed by the SDK, checked by our own signing", async () => {
  const client = new BedrockRuntimeClient({
    endpoint: model.url,
    region: "eu-central-1",
    maxAttempts: 1,
    requestHandler: requestHandler(),
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "scripted-secret" },
  })
  const toolConfig = { tools: ["bash", "read"].map((name) => ({ toolSpec: { name, inputSchema: { json: schema } } })) }
  const messages = [{ role: "user", content: [{ text: prompt }, { image: { format: "png", source: { bytes: Buffer.from(pixel, "base64") } } }] }]
  const ask = async () => {
    const said = { text: "", thought: "", signature: "", calls: [], stop: "", usage: undefined }
    const answer = await client.send(new ConverseStreamCommand({ modelId: "anthropic.claude-v1:0", messages, toolConfig }))
    for await (const event of answer.stream) {
      if (event.contentBlockStart) said.calls.push({ ...event.contentBlockStart.start.toolUse, input: "" })
      const delta = event.contentBlockDelta?.delta
      if (delta?.text) said.text += delta.text
      if (delta?.toolUse) said.calls.at(-1).input += delta.toolUse.input
      if (delta?.reasoningContent?.text) said.thought += delta.reasoningContent.text
      if (delta?.reasoningContent?.signature) said.signature += delta.reasoningContent.signature
      if (event.messageStop) said.stop = event.messageStop.stopReason
      if (event.metadata) said.usage = event.metadata.usage
    }
    return said
  }
  const first = await ask()
  assert.equal(first.thought, thought)
  assert.equal(first.text, text)
  assert.equal(first.stop, "tool_use")
  assert.deepEqual(first.calls.map(({ name, input }) => ({ name, input: JSON.parse(input) })), wantedCalls)
  assert.equal(first.usage.cacheReadInputTokens, 40)
  messages.push(
    {
      role: "assistant",
      content: [
        { reasoningContent: { reasoningText: { text: first.thought, signature: first.signature } } },
        ...first.calls.map(({ toolUseId, name, input }) => ({ toolUse: { toolUseId, name, input: JSON.parse(input) } })),
      ],
    },
    { role: "user", content: first.calls.map(({ toolUseId }) => ({ toolResult: { toolUseId, content: [{ text: "ok" }] } })) },
  )
  assert.equal((await ask()).text, "Done.")
})

test("aws: a wrong secret is refused; exceptions come typed, before and within the stream", async () => {
  const make = (secretAccessKey) =>
    new BedrockRuntimeClient({ endpoint: model.url, region: "us-east-1", maxAttempts: 1, requestHandler: requestHandler(), credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey } })
  const ask = async (client, words) => {
    const answer = await client.send(new ConverseStreamCommand({ modelId: "m", messages: [{ role: "user", content: [{ text: words }] }] }))
    for await (const _ of answer.stream);
  }
  await assert.rejects(ask(make("wrong"), "hi"), /signature/)
  await assert.rejects(ask(make("scripted-secret"), "ERR:429"), { name: "ThrottlingException" })
  await assert.rejects(ask(make("scripted-secret"), "FAULT:overflow"), { name: "ValidationException" })
  await assert.rejects(ask(make("scripted-secret"), "FAULT:errobj"), { name: "ServiceUnavailableException" })
})
