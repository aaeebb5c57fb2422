// Every option of `opencode run --attach`, and its exit codes. run.test.mjs has what it does without them.
import assert from "node:assert/strict"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { after, before, test } from "node:test"
import { opencode, runAttached } from "../support/opencode_run.mjs"
import { makeWorld, client, git } from "../support/server.mjs"

// PEER=1 runs the same against OpenCode's own server.
const peer = process.env.PEER ? opencode : undefined
const password = "correct horse"
let world, server, api
before(async () => {
  world = await makeWorld({
    peer,
    config: {
      permission: { bash: { "*": "allow", "touch asked*": "ask", "touch denied*": "deny" } },
      agent: { terse: { description: "Says little", prompt: "You are terse.", mode: "primary" } },
      command: { say: { template: "WORDS:3\n$ARGUMENTS" } },
      provider: {
        fake: {
          name: "Fake",
          npm: "@ai-sdk/openai-compatible",
          options: { baseURL: "FILLED IN", apiKey: "key" },
          models: {
            fake: { name: "Fake", tool_call: true, limit: { context: 200000, output: 8000 } },
            other: {
              name: "Other",
              tool_call: true,
              reasoning: true,
              limit: { context: 200000, output: 8000 },
              variants: { deep: { reasoningEffort: "high" } },
            },
          },
        },
      },
    },
  })
  const file = join(world.directory, "opencode.json")
  writeFileSync(file, readFileSync(file, "utf8").replace("FILLED IN", `${world.modelURL}/v1`))
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

const run = (args, { url = server.url, ...more } = {}) => runAttached(world, url, args, more)
const words = "word0 word1 word2 word3 word4 word5 word6 word7"
const tool = (name, input) => `TOOL:${JSON.stringify([[name, input]])}`
async function answered(result) {
  assert.equal(result.code, 0, result.err)
  const id = result.lines[0].sessionID
  return { id, session: (await api.get(`/session/${id}`)).body, messages: await api.messages(id) }
}

test("--format default prints the answer for a person", async () => {
  const result = await run(["hello"], { format: "default" })
  assert.equal(result.code, 0, result.err)
  assert.match(result.out + result.err, new RegExp(words))
})

test("--title names the session, and without words it takes the prompt", async () => {
  const named = await answered(await run(["--title", "by hand", "hello"]))
  assert.equal(named.session.title, "by hand")
  const taken = await answered(await run(["--title", "", "hello from the prompt"]))
  assert.equal(taken.session.title, '"hello from the prompt"')
})

test("--agent, --model and --variant reach the message", async () => {
  const { messages } = await answered(await run(["--agent", "terse", "--model", "fake/other", "--variant", "deep", "hello"]))
  const [asked, said] = messages
  assert.equal(asked.info.agent, "terse")
  assert.deepEqual(asked.info.model, { providerID: "fake", modelID: "other", variant: "deep" })
  assert.equal(said.info.agent, "terse")
  assert.equal(said.info.modelID, "other")
  const requests = (await world.modelRequests()).filter((r) => (r.body ?? r).model === "other")
  assert.equal((requests.at(-1).body ?? requests.at(-1)).reasoning_effort, "high")
})

test("--fork goes on in a copy of the session", async () => {
  const first = await answered(await run(["--title", "origin", "hello"]))
  const copy = await answered(await run(["--session", first.id, "--fork", "and on"]))
  assert.notEqual(copy.id, first.id)
  assert.equal(copy.messages.length, 4)
  assert.equal(copy.session.title, "origin (fork #1)")
  assert.equal((await api.messages(first.id)).length, 2)
  const again = await answered(await run(["--continue", "--fork", "and on"]))
  assert.ok(![first.id, copy.id].includes(again.id))
})

test("--command with --agent and --model runs the command with them", async () => {
  const { messages } = await answered(await run(["--command", "say", "--agent", "terse", "--model", "fake/other", "please"]))
  assert.equal(messages[0].info.agent, "terse")
  assert.equal(messages[0].info.model.modelID, "other")
  assert.match(messages[0].parts[0].text, /^WORDS:3\nplease/)
})

test("--file sends files along", async () => {
  writeFileSync(join(world.directory, "note.md"), "what the note says")
  const { messages } = await answered(await run(["look at these", "--file", "a.txt", "--file", "note.md"]))
  const files = messages[0].parts.filter((p) => p.type === "file")
  assert.deepEqual(files.map((f) => f.filename), ["a.txt", "note.md"])
  assert.ok(messages[0].parts.some((p) => p.text?.includes("what the note says")))
})

test("--dir works in another directory of the server's", async () => {
  const other = join(world.root, "other")
  mkdirSync(other)
  writeFileSync(join(other, "b.txt"), "from the other\n")
  git(other, "init", "-q", "-b", "main")
  git(other, "add", ".")
  git(other, "commit", "-q", "-m", "init")
  writeFileSync(join(other, "opencode.json"), readFileSync(join(world.directory, "opencode.json")))
  const result = await run(["--dir", other], { input: tool("bash", { command: "cat b.txt", description: "look" }) })
  const { session } = await answered(result)
  assert.equal(session.directory, other)
  assert.equal(result.lines.find((l) => l.type === "tool_use").part.state.output, "from the other\n")
})

test("without --auto what would ask is rejected, with it allowed, and what is denied stays denied", async () => {
  const touch = (name) => tool("bash", { command: `touch ${name}`, description: "make it" })
  const rejected = await run([], { input: touch("asked1") })
  assert.ok(!existsSync(join(world.directory, "asked1")))
  assert.equal(rejected.lines.find((l) => l.type === "tool_use").part.state.status, "error")
  const allowed = await run(["--auto"], { input: touch("asked2") })
  assert.equal(allowed.code, 0, allowed.err)
  assert.ok(existsSync(join(world.directory, "asked2")))
  await run(["--auto"], { input: touch("denied1") })
  assert.ok(!existsSync(join(world.directory, "denied1")))
})

test("--thinking shows what the model thinks, and without it nothing is shown", async () => {
  const shown = await run(["--thinking"], { input: "REASON\nplease" })
  assert.equal(shown.code, 0, shown.err)
  assert.match(shown.lines.find((l) => l.type === "reasoning").part.text, /think0 think1/)
  const hidden = await run([], { input: "REASON\nplease" })
  assert.ok(!hidden.lines.some((l) => l.type === "reasoning"))
})

test("--share is refused where sharing is switched off, and the prompt is answered", async () => {
  const result = await run(["--share", "hello"])
  const { session } = await answered(result)
  assert.equal(session.share, undefined)
})

test("exit codes tell what went wrong", async () => {
  const table = [
    [["--session", "ses_nope", "hello"], 1],
    [["--fork", "hello"], 1], // needs --session or --continue
    [["--file", "not-there.txt", "hello"], 1],
    [["--agent", "nosuch", "hello"], 0], // falls back to the default agent, with a warning
    [["--model", "fake/nosuch", "hello"], 1],
    [["--command", "nosuch", "hello"], 1],
    [[], 1], // no message
    [["ERR:400"], 0], // what the model's provider says is printed, and no failure of the run
  ]
  const codes = []
  for (const [args, code] of table) {
    const result = await run(args)
    codes.push([args.join(" "), result.code])
  }
  assert.deepEqual(codes, table.map(([args, code]) => [args.join(" "), code]))
})

test("a server that is not there, or wants a password, is an error", async () => {
  assert.equal((await run(["hello"], { url: "http://127.0.0.1:9" })).code, 1)
  const closed = await makeWorld({ peer })
  try {
    const other = await closed.serve({ env: { OPENCODE_SERVER_PASSWORD: password } })
    assert.equal((await run(["hello"], { url: other.url })).code, 1)
    const named = await run(["--password", password, "--dir", closed.directory, "hello"], { url: other.url })
    assert.equal(named.code, 0, named.err)
    const from_environment = await run(["--dir", closed.directory, "hello"], { url: other.url, env: { OPENCODE_SERVER_PASSWORD: password } })
    assert.equal(from_environment.code, 0, from_environment.err)
    assert.equal((await run(["--username", "somebody", "--password", password, "hello"], { url: other.url })).code, 1)
  } finally {
    await closed.close()
  }
})
