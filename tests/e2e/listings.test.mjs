// What clients list and control beside sessions: v2 listings, projects, the terminal interface, refusals.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { client, events, makeWorld } from "../support/server.mjs"

let world, server, api
before(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

test("the catalogue of a directory comes with its location", async () => {
  const location = (await api.get("/api/location")).body
  assert.equal(location.directory, world.directory)
  assert.equal(location.project.directory, world.directory)
  const agents = (await api.get("/api/agent")).body
  assert.deepEqual(agents.location, location)
  assert.equal(agents.data[0].id, "build")
  assert.deepEqual(Object.keys(agents.data[0].permissions[0]).sort(), ["action", "effect", "resource"])
  const models = (await api.get("/api/model")).body.data
  assert.deepEqual(models.find((m) => m.id === "fake").limit, { context: 200000, output: 8000 })
  const providers = (await api.get("/api/provider")).body.data
  assert.equal(providers.find((p) => p.id === "fake").api.package, "@ai-sdk/openai-compatible")
  assert.ok(!JSON.stringify(providers).includes('"key"'), "keys stay here")
  assert.equal((await api.get("/api/provider/fake")).body.data.id, "fake")
  assert.equal((await api.get("/api/provider/nope")).body._tag, "ProviderNotFoundError")
  const commands = (await api.get("/api/command")).body
  assert.deepEqual(commands.location, location)
  assert.deepEqual(commands.data.map((c) => c.name), ["init", "review"])
  for (const name of ["skill", "reference"]) {
    assert.deepEqual((await api.get(`/api/${name}`)).body, { location, data: [] })
  }
})

test("sessions are listed page by page, forth and back, in both orders", async () => {
  const made = []
  for (let i = 0; i < 5; i++) made.push((await api.session({ title: `page ${i}` })).id)
  for (const order of ["desc", "asc"]) {
    const all = (await api.get(`/api/session?search=page&order=${order}`)).body.data.map((s) => s.id)
    assert.deepEqual(new Set(all), new Set(made))
    const seen = []
    let page = (await api.get(`/api/session?search=page&order=${order}&limit=2`)).body
    assert.equal(page.cursor.previous, undefined)
    const first = page
    for (;;) {
      seen.push(...page.data.map((s) => s.id))
      if (!page.cursor.next) break
      const next = (await api.get(`/api/session?search=page&limit=2&cursor=${page.cursor.next}`)).body
      const back = (await api.get(`/api/session?search=page&limit=2&cursor=${next.cursor.previous}`)).body
      assert.deepEqual(back.data, page.data)
      page = next
    }
    assert.deepEqual(seen, all)
    assert.equal(first.data.length, 2)
  }
  const [newest] = (await api.get("/api/session?limit=1")).body.data
  assert.deepEqual(newest.location, { directory: world.directory })
  assert.equal((await api.get(`/api/session/${newest.id}`)).body.data.id, newest.id)
  assert.deepEqual((await api.get("/api/session?limit=abc")).body, {
    _tag: "InvalidRequestError",
    message: 'Expected an integer, got NaN\n  at ["limit"]',
    kind: "Query",
  })
  assert.equal((await api.get("/api/session?cursor=zzz")).status, 400)
  assert.equal((await api.get("/api/session/ses_nope")).body._tag, "SessionNotFoundError")
  assert.deepEqual((await api.get("/api/session/active")).body, { data: {} })
})

test("sessions of all projects carry their project; archived ones only when asked for", async () => {
  const session = await api.session({ title: "archived one" })
  await api.patch(`/session/${session.id}`, { time: { archived: 5 } })
  const ids = async (query) => (await api.get(`/experimental/session?${query}`)).body.map((s) => s.id)
  assert.ok(!(await ids("")).includes(session.id))
  assert.ok((await ids("archived=true")).includes(session.id))
  const page = await api.get("/experimental/session?limit=1")
  assert.equal(page.body[0].project.worktree, world.directory)
  const before = Number(page.headers.get("x-next-cursor"))
  assert.equal(before, page.body[0].time.updated)
  assert.ok((await api.get(`/experimental/session?cursor=${before}`)).body.every((s) => s.time.updated < before))
})

test("a project is named and keeps its name when sessions are opened", async () => {
  const { id } = (await api.get("/project/current")).body
  const stream = events(server.url, { path: "/global/event" })
  await stream.connected
  const named = await api.patch(`/project/${id}`, { name: "My proj", icon: { color: "cyan" } })
  assert.deepEqual([named.status, named.body.name, named.body.icon], [200, "My proj", { color: "cyan" }])
  const told = await stream.until((e) => e.payload?.type === "project.updated")
  assert.equal(told.payload.properties.name, "My proj")
  stream.close()
  await api.session()
  assert.equal((await api.get("/project/current")).body.name, "My proj")
  assert.deepEqual((await api.get(`/project/${id}/directories`)).body, [{ directory: world.directory }])
  assert.deepEqual((await api.patch("/project/nope", { name: "x" })).body, {
    _tag: "ProjectNotFoundError",
    projectID: "nope",
    message: "Project not found: nope",
  })
  assert.equal((await api.patch(`/project/${id}`, { name: 5 })).status, 400)
})

test("the terminal interface is controlled by events", async () => {
  const session = (await api.session()).id
  const stream = events(server.url)
  await stream.connected
  const table = [
    ["append-prompt", { text: "x" }, "tui.prompt.append", { text: "x" }],
    ["execute-command", { command: "agent_cycle" }, "tui.command.execute", { command: "agent.cycle" }],
    ["show-toast", { message: "hi", variant: "info" }, "tui.toast.show", { message: "hi", variant: "info" }],
    ["select-session", { sessionID: session }, "tui.session.select", { sessionID: session }],
    ["publish", { type: "tui.prompt.append", properties: { text: "y" } }, "tui.prompt.append", { text: "y" }],
    ["submit-prompt", undefined, "tui.command.execute", { command: "prompt.submit" }],
    ["open-models", undefined, "tui.command.execute", { command: "model.list" }],
  ]
  for (const [path, body, type, properties] of table) {
    const from = stream.seen.length
    const answer = await api.post(`/tui/${path}`, body)
    assert.deepEqual([answer.status, answer.body], [200, true], path)
    assert.deepEqual((await stream.until((e) => e.type === type, { from })).properties, properties)
  }
  stream.close()
  const wrong = [
    ["append-prompt", {}, 400],
    ["append-prompt", { text: 5 }, 400],
    ["execute-command", {}, 400],
    ["show-toast", { message: "hi", variant: "loud" }, 400],
    ["select-session", { sessionID: "ses_nope" }, 404],
    ["publish", { type: "x", properties: {} }, 400],
    ["publish", "{bad", 400],
  ]
  for (const [path, body, status] of wrong) assert.equal((await api.post(`/tui/${path}`, body)).status, status, path)
})

test("what is not there says so, in a status that clients know", async () => {
  const session = (await api.session()).id
  const table = [
    ["POST", `/session/${session}/share`, undefined, 400],
    ["POST", `/session/ses_nope/share`, undefined, 404],
    ["DELETE", `/session/${session}/share`, undefined, 200],
    ["POST", "/mcp/nope/connect", undefined, 404],
    ["POST", "/question/que_nope/reply", { answers: [] }, 404],
    ["GET", "/pty", undefined, 200],
    ["GET", "/pty/pty_nope", undefined, 404],
  ]
  for (const [method, path, body, status] of table) {
    const answer = await api.call(method, path, body)
    assert.equal(answer.status, status, `${method} ${path}`)
    assert.match(answer.headers.get("content-type"), /^application\/json/)
  }
  assert.match((await api.post(`/session/${session}/share`)).body.data.message, /Sharing is disabled/)
})
