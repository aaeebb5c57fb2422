// Supervision over plain HTTP: what sessions need, and what is done about it.
import assert from "node:assert/strict"
import { afterEach, beforeEach, test } from "node:test"
import { client, eventually, makeWorld } from "../support/server.mjs"

let world, server, api
const start = async (config = {}) => {
  world = await makeWorld({ config })
  server = await world.serve()
  api = client(server.url)
}
const restart = async (how = "kill") => {
  await server[how]()
  server = await world.serve()
  api = client(server.url)
}
beforeEach(() => (world = undefined))
afterEach(() => world?.close())

const standing = async (session) => (await api.get(`/fleet/session/${session}`)).body
const until = (session, state) =>
  eventually(async () => {
    const found = await standing(session)
    return found.attention.state === state && found
  }, 30000)
const roster = async (query = "") => (await api.get(`/fleet/roster${query}`)).body

test("a session is idle, works, asks, is answered, and the roster says so, also after a kill", async () => {
  await start({ permission: { bash: "ask" } })
  const session = (await api.session({ title: "asks" })).id
  assert.equal((await standing(session)).attention.state, "idle")
  await api.promptAsync(session, 'TOOL:[["bash",{"command":"echo hi"}]]')
  const asking = await until(session, "approve")
  assert.equal(asking.attention.group, "needs_you")
  assert.match(asking.attention.reason, /bash/)
  assert.match(asking.attention.evidence[0].id, /^per_/)
  const listed = await roster()
  assert.deepEqual(listed.sessions.map((s) => [s.sessionID, s.attention.state]), [[session, "approve"]])
  assert.deepEqual(listed.counts, { needs_you: 1 })
  await restart()
  const again = await until(session, "approve")
  assert.deepEqual([again.attention.since, again.attention.evidence], [asking.attention.since, asking.attention.evidence])
  await api.post(`/session/${session}/permissions/${asking.attention.evidence[0].id}`, { response: "once" })
  assert.notEqual((await standing(session)).attention.state, "approve", "the answer cleared it at once")
  await until(session, "idle")
  assert.deepEqual((await roster()).sessions.map((s) => s.attention.group), ["quiet"])
})

test("a failed session needs somebody until it is spoken to again", async () => {
  await start()
  const session = (await api.session({ title: "fails" })).id
  await api.promptAsync(session, "ERR:400")
  const failed = await until(session, "failed")
  assert.match(failed.attention.reason, /^Failed: /)
  await restart()
  assert.equal((await standing(session)).attention.state, "failed")
  await api.prompt(session, "hello")
  assert.equal((await standing(session)).attention.state, "idle")
})

test("what a child asks, its parent needs", async () => {
  await start({ permission: { bash: "ask" } })
  const session = (await api.session({ title: "parent" })).id
  const child = (await api.session({ title: "child", parentID: session })).id
  await api.promptAsync(child, 'TOOL:[["bash",{"command":"echo hi"}]]')
  const asking = await until(session, "approve")
  assert.equal(asking.attention.evidence[0].text, child)
  assert.equal(asking.children, 1)
  assert.deepEqual((await roster()).sessions.map((s) => s.sessionID), [session])
})

test("the roster is filtered, paged, and says what is wrong with a request", async () => {
  await start()
  const ids = []
  for (let i = 0; i < 5; i++) ids.push((await api.session({ title: `session ${i}` })).id)
  const seen = []
  let page = await roster("?limit=2")
  for (;;) {
    seen.push(...page.sessions.map((s) => s.sessionID))
    if (!page.next) break
    page = await roster(`?limit=2&cursor=${page.next}`)
  }
  assert.deepEqual(seen.sort(), ids.sort())
  assert.deepEqual((await roster("?search=SESSION%203")).sessions.map((s) => s.title), ["session 3"])
  for (const [query, field] of [["?group=none", "group"], ["?limit=0", "limit"], ["?cursor=x", "cursor"], ["?priority=P9", "priority"]]) {
    const answer = await api.get(`/fleet/roster${query}`)
    assert.equal(answer.status, 400)
    assert.match(JSON.stringify(answer.body), new RegExp(`at \\[\\\\?.${field}`))
  }
  assert.equal((await api.get("/fleet/session/ses_none")).status, 404)
})
