// Agents that work for agents: tasks, questions, plans. With a real server that is killed in between.
import assert from "node:assert/strict"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, test } from "node:test"
import { client, events, eventually, isIdle, makeWorld } from "../support/server.mjs"

let world
afterEach(() => world?.close())

const tools = (messages) => messages.flatMap((m) => m.parts).filter((p) => p.type === "tool")
const texts = (message) => message.parts.filter((p) => p.type === "text").map((p) => p.text)
const call = (...calls) => `TOOL:${JSON.stringify(calls)}`
const task = (prompt, more = {}) => ["task", { description: "look around", prompt, subagent_type: "explore", ...more }]
const idle = (api) => eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, 30000)

async function start(options) {
  world = await makeWorld(options)
  const server = await world.serve()
  return { server, api: client(server.url) }
}

test("a task runs in a child session and its last words are the result", async () => {
  const { api } = await start()
  const parent = (await api.session({ permission: [{ permission: "bash", pattern: "rm *", action: "deny" }] })).id
  await api.prompt(parent, call(task("WORDS:3")))
  const children = (await api.get(`/session/${parent}/children`)).body
  assert.equal(children.length, 1)
  const [child] = children
  assert.equal(child.parentID, parent)
  assert.equal(child.title, "look around (@explore subagent)")
  assert.equal(child.agent, "explore")
  const rules = child.permission.map((r) => `${r.permission} ${r.pattern} ${r.action}`)
  for (const rule of ["bash rm * deny", "todowrite * deny", "task * deny", "read *.env ask"]) assert.ok(rules.includes(rule), rule)
  const [done] = tools(await api.messages(parent))
  assert.equal(done.state.status, "completed")
  assert.equal(done.state.title, "look around")
  assert.equal(done.state.output, `<task id="${child.id}" state="completed">\n<task_result>\nword0 word1 word2 \n</task_result>\n</task>`)
  assert.deepEqual(done.state.metadata, {
    parentSessionId: parent, sessionId: child.id, model: { providerID: "fake", modelID: "fake" }, truncated: false,
  })
  const [asked, answered] = await api.messages(child.id)
  assert.equal(asked.parts[0].text, "WORDS:3")
  assert.equal(answered.info.agent, "explore")
  // The same child goes on when its id is given.
  await api.prompt(parent, call(task("WORDS:1", { task_id: child.id })))
  assert.equal((await api.get(`/session/${parent}/children`)).body.length, 1)
  assert.equal((await api.messages(child.id)).length, 4)
})

test("tasks of one step run side by side, and what they may not do is told", async () => {
  const { api } = await start()
  const parent = (await api.session()).id
  const from = Date.now()
  await api.prompt(parent, call(task("SLOW:10:100"), task("SLOW:10:100"), task("x", { subagent_type: "nobody" })))
  assert.ok(Date.now() - from < 1900, "one after the other they take two seconds")
  assert.equal((await api.get(`/session/${parent}/children`)).body.length, 2)
  const states = tools(await api.messages(parent)).map((p) => p.state)
  assert.deepEqual(states.map((s) => s.status), ["completed", "completed", "error"])
  assert.equal(states[2].error, "Unknown agent type: nobody is not a valid agent type")
})

test("aborting the parent aborts its children", async () => {
  const { api, server } = await start()
  const parent = (await api.session()).id
  const stream = events(server.url)
  await stream.connected
  await api.promptAsync(parent, call(task("SLOW:2000:10")))
  await stream.until((e) => e.type === "message.part.delta" && e.properties.sessionID !== parent)
  await api.post(`/session/${parent}/abort`)
  await idle(api)
  const child = (await api.get(`/session/${parent}/children`)).body[0]
  assert.equal((await api.messages(child.id)).at(-1).info.error.name, "MessageAbortedError")
  assert.equal(tools(await api.messages(parent))[0].state.status, "error")
})

test("a subagent may call subagents only as deep as the configuration says", async () => {
  const config = { agent: { boss: { mode: "subagent", prompt: "b", permission: { task: "allow" } } } }
  const { api } = await start({ config })
  const parent = (await api.session()).id
  await api.prompt(parent, call(task(call(task("WORDS:1")), { subagent_type: "boss" })))
  const child = (await api.get(`/session/${parent}/children`)).body[0]
  const [refused] = tools(await api.messages(child.id))
  assert.match(refused.state.error, /^Subagent depth limit reached \(1\)\. Increase "subagent_depth"/)
})

test("a subagent that takes too long, or too many steps, is stopped with a reason", async () => {
  const config = { quarterdeck: { task: { deadline_seconds: 1, steps: 2 } } }
  const { api } = await start({ config })
  const parent = (await api.session()).id
  await api.prompt(parent, call(task("SLOW:2000:10")))
  assert.match(tools(await api.messages(parent))[0].state.error, /^Subagent failed \(task_id: ses_.*\): The time that a subagent has is over$/)
  const other = (await api.session()).id
  await api.prompt(other, call(task(`${call(["glob", { pattern: "*" }])}\n${call(["glob", { pattern: "*" }])}\n${call(["glob", { pattern: "*" }])}`)))
  const child = (await api.get(`/session/${other}/children`)).body[0]
  assert.equal(tools(await api.messages(child.id)).length, 1, "the second step is the last and has no tools")
  assert.equal(tools(await api.messages(other))[0].state.status, "completed")
})

test("killed while a child works: the same call goes on waiting for the same child", async () => {
  let { api, server } = await start()
  const parent = (await api.session()).id
  const stream = events(server.url)
  await stream.connected
  await api.promptAsync(parent, call(task("SLOW:100:10")))
  await stream.until((e) => e.type === "message.part.delta" && e.properties.delta === "word20 ")
  await server.kill()
  server = await world.serve()
  api = client(server.url)
  await idle(api)
  const children = (await api.get(`/session/${parent}/children`)).body
  assert.equal(children.length, 1)
  assert.equal((await api.messages(children[0].id)).filter((m) => m.info.role === "user").length, 1)
  const calls = tools(await api.messages(parent))
  assert.equal(calls.length, 1)
  assert.equal(calls[0].state.status, "completed")
  assert.match(calls[0].state.output, new RegExp(`^<task id="${children[0].id}" state="completed">`))
})

for (const killed of [false, true]) {
  test(`a task in the background reports once when it has ended${killed ? ", also when the server was killed meanwhile" : ""}`, async () => {
    let { api, server } = await start()
    const parent = (await api.session()).id
    const stream = events(server.url)
    await stream.connected
    await api.prompt(parent, call(task("SLOW:60:10", { background: true })))
    const [started] = tools(await api.messages(parent))
    assert.match(started.state.output, /state="running">\n<summary>Background task started<\/summary>/)
    assert.equal(started.state.metadata.background, true)
    if (killed) {
      await server.kill()
      server = await world.serve()
      api = client(server.url)
    }
    const told = (messages) => messages.filter((m) => m.info.role === "user" && texts(m)[0].includes("Background task completed: look around"))
    await eventually(async () => told(await api.messages(parent)).length === 1, 20000)
    await idle(api)
    const messages = await api.messages(parent)
    assert.equal(told(messages).length, 1)
    assert.equal(messages.at(-1).info.role, "assistant")
    const child = (await api.get(`/session/${parent}/children`)).body[0]
    assert.equal(child.metadata.quarterdeck.background, undefined, "delivered")
  })
}

const question = { question: "Which one?", header: "Choice", options: [{ label: "A", description: "a" }, { label: "B", description: "b" }] }

test("a question waits for its answer", async () => {
  const { api, server } = await start()
  const stream = events(server.url)
  await stream.connected
  const session = (await api.session()).id
  await api.promptAsync(session, call(["question", { questions: [question, { ...question, multiple: true }] }]))
  const asked = (await stream.until((e) => e.type === "question.asked")).properties
  assert.deepEqual(asked.questions, [question, { ...question, multiple: true }])
  assert.deepEqual((await api.get("/question")).body, [asked])
  assert.deepEqual((await api.get("/api/question/request")).body.data, [asked])
  assert.equal((await api.post(`/question/${asked.id}/reply`, {})).status, 400)
  assert.equal((await api.post(`/question/${asked.id}/reply`, { answers: [["A"], []] })).body, true)
  await stream.until(isIdle(session))
  const replied = stream.seen.find((e) => e.type === "question.replied").properties
  assert.deepEqual(replied, { sessionID: session, requestID: asked.id, answers: [["A"], []] })
  const [done] = tools(await api.messages(session))
  assert.equal(done.state.output, `User has answered your questions: "Which one?"="A", "Which one?"="Unanswered". You can now continue with the user's answers in mind.`)
  assert.equal(done.state.title, "Asked 2 questions")
  assert.deepEqual(done.state.metadata, { answers: [["A"], []], truncated: false })
  assert.equal((await api.post(`/question/${asked.id}/reply`, { answers: [["A"]] })).body._tag, "QuestionNotFoundError")
})

test("a question that is dismissed ends the turn", async () => {
  const { api, server } = await start()
  const stream = events(server.url)
  await stream.connected
  const session = (await api.session()).id
  await api.promptAsync(session, call(["question", { questions: [question] }]))
  const asked = (await stream.until((e) => e.type === "question.asked")).properties
  assert.equal((await api.post(`/api/session/${session}/question/${asked.id}/reject`)).status, 204)
  await stream.until(isIdle(session))
  const messages = await api.messages(session)
  assert.equal(tools(messages)[0].state.error, "The user dismissed this question")
  assert.equal(messages.length, 2)
})

for (const [how, end] of [["killed", "kill"], ["stopped", "stop"]]) {
  test(`a question outlives the server that asked it (${how}), also when it is answered before its call is back`, async () => {
    let { api, server } = await start()
    const session = (await api.session()).id
    await api.promptAsync(session, call(["question", { questions: [question] }], ["bash", { command: "echo hi", description: "x" }]))
    const [asked] = await eventually(async () => {
      const open = (await api.get("/question")).body
      return open.length === 1 && tools(await api.messages(session)).some((t) => t.state.status === "completed") && open
    })
    await server[end]()
    server = await world.serve()
    api = client(server.url)
    assert.deepEqual((await api.get("/question")).body, [asked])
    assert.equal((await api.post(`/question/${asked.id}/reply`, { answers: [["B"]] })).body, true)
    await idle(api)
    const states = tools(await api.messages(session)).map((p) => p.state)
    assert.equal(states.length, 2)
    assert.match(states[0].output, /"Which one\?"="B"/)
    assert.equal((await api.get("/question")).body.length, 0)
  })
}

test("a plan is written to its file, approved, and carried out by the build agent", async () => {
  const { api, server } = await start()
  const stream = events(server.url)
  await stream.connected
  const session = await api.session()
  const plan = `.opencode/plans/${session.time.created}-${session.slug}.md`
  const text = [call(["write", { filePath: "a.txt", content: "no" }]), call(["write", { filePath: plan, content: "# Plan" }]), call(["plan_exit", {}])].join("\n")
  const answered = api.prompt(session.id, text, { agent: "plan" })
  const asked = (await stream.until((e) => e.type === "question.asked")).properties
  assert.match(asked.questions[0].question, new RegExp(`^Plan at ${plan.replaceAll(".", "\\.")} is complete\\.`))
  assert.equal(asked.questions[0].custom, false)
  await api.post(`/question/${asked.id}/reply`, { answers: [["Yes"]] })
  const last = (await answered).body
  assert.equal(last.info.agent, "build")
  const states = tools(await api.messages(session.id)).map((p) => p.state)
  assert.match(states[0].error, /prevents you from using this specific tool call/)
  assert.equal(states[1].status, "completed")
  assert.equal(states[2].output, "User approved switching to build agent. Wait for further instructions.")
  assert.equal(readFileSync(join(world.directory, plan), "utf8"), "# Plan")
  const users = (await api.messages(session.id)).filter((m) => m.info.role === "user")
  assert.match(texts(users[0])[1], /^<system-reminder>\nPlan mode is active/)
  assert.equal(users[1].info.agent, "build")
  assert.equal(texts(users[1])[0], `The plan at ${plan} has been approved, you can now edit files. Execute the plan`)
  assert.match(texts(users[1])[1], /A plan file exists at/)
  assert.equal((await api.get(`/session/${session.id}`)).body.agent, "build")
})

test("without anybody to approve it, planning only reads", async () => {
  const { api } = await start()
  const session = (await api.session({ permission: [{ permission: "plan_exit", pattern: "*", action: "deny" }] })).id
  await api.prompt(session, "WORDS:1", { agent: "plan" })
  await api.prompt(session, "WORDS:1", { agent: "build" })
  const users = (await api.messages(session)).filter((m) => m.info.role === "user")
  assert.match(texts(users[0])[1], /^<system-reminder>\n# Plan Mode/)
  assert.match(texts(users[1])[1], /Your mode has changed from plan to build/)
})

test("a prompt may mention an agent, and hand work to one itself", async () => {
  const { api } = await start()
  const session = (await api.session()).id
  await api.post(`/session/${session}/message`, { parts: [{ type: "text", text: "WORDS:1" }, { type: "agent", name: "explore" }] })
  const hint = " Use the above message and context to generate a prompt and call the task tool with subagent: explore"
  assert.deepEqual(texts((await api.messages(session))[0]), ["WORDS:1", hint])
  const other = (await api.session()).id
  const part = { type: "subtask", prompt: "WORDS:2", description: "count", agent: "general" }
  const last = (await api.post(`/session/${other}/message`, { parts: [part] })).body
  const messages = await api.messages(other)
  assert.equal(messages.length, 3)
  assert.equal(messages[1].info.agent, "general")
  assert.equal(messages[1].info.finish, "tool-calls")
  const [done] = tools(messages)
  assert.deepEqual(done.state.input, { prompt: "WORDS:2", description: "count", subagent_type: "general" })
  assert.match(done.state.output, /word0 word1 /)
  assert.equal(last.info.id, messages[2].info.id)
  assert.equal((await api.get(`/session/${other}/children`)).body[0].title, "count (@general subagent)")
  const third = (await api.session()).id
  await api.post(`/session/${third}/message`, { parts: [{ ...part, agent: "nobody" }] })
  assert.match((await api.messages(third)).at(-1).info.error.data.message, /^Agent not found: "nobody"\. Available agents: /)
})

test("agents come from the configuration and from Markdown", async () => {
  world = await makeWorld({ config: { default_agent: "mine", agent: { mine: { description: "m", mode: "primary", permission: { bash: "deny" } }, explore: { disable: true } } } })
  mkdirSync(join(world.directory, ".opencode/agents"), { recursive: true })
  writeFileSync(join(world.directory, ".opencode/agents/review.md"), "---\ndescription: Reviews\nmode: subagent\ncolor: '#ff0000'\ntemperature: 0.1\nsteps: 3\n---\nYou review.")
  const server = await world.serve()
  const api = client(server.url)
  const agents = (await api.get("/agent")).body
  assert.equal(agents[0].name, "mine")
  assert.ok(!agents.some((a) => a.name === "explore"))
  const review = agents.find((a) => a.name === "review")
  assert.equal(review.prompt, "You review.")
  assert.equal(review.color, "#ff0000")
  assert.equal(review.steps, 3)
  assert.equal(review.native, false)
  const session = (await api.session()).id
  await api.prompt(session, "WORDS:1")
  assert.equal((await api.messages(session))[1].info.agent, "mine")
  const request = (await world.modelRequests()).at(-1)
  assert.ok(!(request.body ?? request).tools.some((t) => t.function.name === "bash"))
})

test("three times the same call in one step is asked about", async () => {
  const { api, server } = await start()
  const stream = events(server.url)
  await stream.connected
  const session = (await api.session()).id
  const same = ["glob", { pattern: "*" }]
  await api.promptAsync(session, call(same, same, same))
  const asked = (await stream.until((e) => e.type === "permission.asked")).properties
  assert.equal(asked.permission, "doom_loop")
  assert.deepEqual(asked.patterns, ["glob"])
  assert.deepEqual(asked.metadata, { tool: "glob", input: { pattern: "*" } })
  await api.post(`/permission/${asked.id}/reply`, { reply: "once" })
  await stream.until(isIdle(session))
  assert.deepEqual(tools(await api.messages(session)).map((t) => t.state.status), ["completed", "completed", "completed"])
})
