// OpenCode's v2 API: sessions, messages, waiting, reverting, permissions, events, files; and worktrees and patches.
import assert from "node:assert/strict"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { createOpencodeClient } from "@opencode-ai/sdk/v2"
import { client, events, eventually, git, makeWorld } from "../support/server.mjs"

let world, server, api
before(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

const made = async (body = {}) => (await api.post("/api/session", body)).body.data
const says = (id, text) => api.post(`/api/session/${id}/prompt`, { prompt: { text } })
const idle = (id) => api.post(`/api/session/${id}/wait`)

test("a session is made with the id that the client gives, once", async () => {
  const id = "ses_aaaaaaaaaaaaBBBBBBBBBBBBBB"
  const [one, two] = await Promise.all([made({ id, agent: "plan" }), made({ id, agent: "plan" })])
  assert.equal(one.id, id)
  assert.equal(one.agent, "plan")
  assert.equal(one.location.directory, world.directory)
  assert.deepEqual(two, one)
  assert.equal((await api.get("/session")).body.filter((session) => session.id === id).length, 1)
  const wrong = await api.post("/api/session", { agent: "nobody" })
  assert.deepEqual([wrong.status, wrong.body._tag], [400, "InvalidRequestError"])
  assert.match(wrong.body.message, /Agent not found: "nobody"/)
})

test("a prompt is waited for, and what was said is read in v2's shapes, page by page", async () => {
  const { id } = await made({ model: { id: "fake", providerID: "fake" } })
  await says(id, 'TOOL:[["bash",{"command":"echo hi","description":"x"}]]')
  assert.equal((await idle(id)).status, 204)
  const { data } = (await api.get(`/api/session/${id}/message?order=asc`)).body
  assert.deepEqual(data.map((message) => message.type), ["user", "assistant", "assistant"])
  const call = data[1].content.find((part) => part.type === "tool")
  assert.equal(call.name, "bash")
  assert.equal(call.state.status, "completed")
  assert.deepEqual(call.state.input, { command: "echo hi", description: "x" })
  assert.deepEqual(call.state.content, [{ type: "text", text: "hi\n" }])
  assert.equal(data[2].finish, "stop")

  const seen = []
  for (let path = `/api/session/${id}/message?limit=1`; path; ) {
    const page = (await api.get(path)).body
    seen.push(...page.data.map((message) => message.id))
    path = page.cursor.next && `/api/session/${id}/message?limit=1&cursor=${page.cursor.next}`
  }
  assert.deepEqual(seen, data.map((message) => message.id).reverse())
  const one = await api.get(`/api/session/${id}/message/${data[0].id}`)
  assert.deepEqual(one.body.data, data[0])
  assert.equal((await api.get(`/api/session/${id}/message/msg_none`)).body._tag, "MessageNotFoundError")
  assert.equal((await api.get(`/api/session/${id}/message?cursor=zzz`)).body._tag, "InvalidCursorError")
})

test("after a summary the context begins with it", async () => {
  const { id } = await made()
  await says(id, "hello")
  await idle(id)
  assert.equal((await api.post(`/api/session/${id}/compact`)).status, 204)
  const { data } = (await api.get(`/api/session/${id}/context`)).body
  assert.equal(data[0].type, "compaction")
  assert.ok(data[0].summary.length > 0)
  const all = (await api.get(`/api/session/${id}/message`)).body.data
  assert.ok(all.length > data.length)
})

test("agent and model are switched for the prompts that follow", async () => {
  const { id } = await made()
  assert.equal((await api.post(`/api/session/${id}/agent`, { agent: "plan" })).status, 204)
  assert.equal((await api.post(`/api/session/${id}/model`, { model: { id: "nope", providerID: "nope" } })).status, 400)
  assert.equal((await api.post(`/api/session/${id}/model`, { model: { id: "fake", providerID: "fake" } })).status, 204)
  await says(id, "hello")
  await idle(id)
  const { data } = (await api.get(`/api/session/${id}/message`)).body
  assert.equal(data.find((message) => message.type === "assistant").agent, "plan")
})

test("a revert is staged, taken back, and made final", async () => {
  const { id } = await made()
  const file = join(world.directory, "made.txt")
  await says(id, `TOOL:[["write",{"filePath":${JSON.stringify(file)},"content":"x\\n"}]]`)
  await idle(id)
  assert.ok(existsSync(file))
  const first = (await api.get(`/api/session/${id}/message?order=asc`)).body.data[0].id
  const staged = await api.post(`/api/session/${id}/revert/stage`, { messageID: first })
  assert.equal(staged.body.data.messageID, first)
  assert.ok(!existsSync(file))
  assert.equal((await api.get(`/api/session/${id}`)).body.data.revert.messageID, first)
  assert.equal((await api.post(`/api/session/${id}/revert/clear`)).status, 204)
  assert.ok(existsSync(file))
  await api.post(`/api/session/${id}/revert/stage`, { messageID: first })
  assert.equal((await api.post(`/api/session/${id}/revert/commit`)).status, 204)
  assert.deepEqual((await api.get(`/api/session/${id}/message`)).body.data, [])
  assert.equal((await api.post(`/api/session/${id}/revert/stage`, { messageID: "msg_none" })).body._tag, "MessageNotFoundError")
})

test("a permission is asked, answered always, listed, and forgotten", async () => {
  const { id } = await api.session({ permission: [{ permission: "bash", pattern: "*", action: "ask" }] })
  await says(id, 'TOOL:[["bash",{"command":"git status --short","description":"x"}]]')
  const [asked] = await eventually(async () => {
    const { data } = (await api.get(`/api/session/${id}/permission`)).body
    return data.length > 0 && data
  })
  assert.equal(asked.action, "bash")
  assert.deepEqual(asked.resources, ["git status --short"])
  assert.equal(asked.source.type, "tool")
  assert.deepEqual((await api.get("/api/permission/request")).body.data, [asked])
  assert.deepEqual((await api.get(`/api/session/${id}/permission/${asked.id}`)).body.data, asked)
  const wrong = await api.post(`/api/session/${id}/permission/${asked.id}/reply`, { reply: "maybe" })
  assert.deepEqual([wrong.status, wrong.body._tag], [400, "InvalidRequestError"])
  assert.equal((await api.post(`/api/session/${id}/permission/${asked.id}/reply`, { reply: "always" })).status, 204)
  await idle(id)
  const again = await api.post(`/api/session/${id}/permission/${asked.id}/reply`, { reply: "once" })
  assert.equal(again.body._tag, "PermissionNotFoundError")
  const saved = (await api.get("/api/permission/saved")).body.data
  assert.deepEqual(saved.map((rule) => [rule.action, rule.resource]), [["bash", asked.save[0]]])
  assert.equal((await api.delete(`/api/permission/saved/${encodeURIComponent(saved[0].id)}`)).status, 204)
  assert.deepEqual((await api.get("/api/permission/saved")).body.data, [])
})

test("events come in the v2 form, with their directory", async () => {
  const stream = events(server.url, { path: "/api/event" })
  await stream.connected
  await stream.until((event) => event.type === "server.connected")
  const { id } = await made()
  const created = await stream.until((event) => event.type === "session.created" && event.data.sessionID === id)
  assert.deepEqual(created.location, { directory: world.directory })
  assert.match(created.id, /^evt_/)
  await says(id, "hello")
  await stream.until((event) => event.type === "session.idle" && event.data.sessionID === id)
  assert.deepEqual(stream.seen.filter((event) => event.type === "sync" || "properties" in event), [])
  stream.close()
})

test("the stored history is read on from what a client has", async () => {
  const { id } = await api.session({ title: "named, so that nothing follows the turn" })
  await says(id, "hello")
  await idle(id)
  const all = (await api.post("/sync/history", {})).body.filter((event) => event.aggregate_id === id)
  assert.equal(all.at(-1).type.endsWith(".1"), true)
  const last = all.at(-2).seq
  const rest = (await api.post("/sync/history", { [id]: last })).body.filter((event) => event.aggregate_id === id)
  assert.deepEqual(rest, all.filter((event) => event.seq > last))
  assert.equal((await api.post("/sync/history", { [id]: "x" })).status, 400)
})

test("a provider's key is stored, shown as connected, and forgotten; the key itself never goes out", async () => {
  const of = async () => (await api.get("/api/integration/anthropic")).body.data
  assert.deepEqual(await of(), {
    id: "anthropic",
    name: "Anthropic",
    methods: [{ type: "key" }, { type: "env", names: ["ANTHROPIC_API_KEY"] }],
    connections: [],
  })
  assert.equal((await api.post("/api/integration/anthropic/connect/key", { key: "sk-very-secret" })).status, 204)
  assert.deepEqual((await of()).connections, [{ type: "credential", id: "anthropic", label: "anthropic" }])
  assert.ok(!JSON.stringify((await api.get("/api/integration")).body).includes("sk-very-secret"))
  assert.equal((await api.delete("/api/credential/anthropic")).status, 204)
  assert.deepEqual((await of()).connections, [])
  assert.equal((await api.post("/api/integration/anthropic/connect/key", {})).status, 400)
})

test("a file is read as it is, inside the project only", async () => {
  const answer = await fetch(`${server.url}/api/fs/read/a.txt`)
  assert.equal(await answer.text(), "one\ntwo\n")
  assert.equal((await fetch(`${server.url}/api/fs/read/no/such.txt`)).status, 404)
  assert.equal((await fetch(`${server.url}/api/fs/read/..%2f..%2fetc%2fpasswd`)).status, 403)
})

test("worktrees are made, listed, reset and removed, with git", async () => {
  const make = async (body) => (await api.post("/experimental/worktree", body)).body
  const first = await make({ name: "My Feature!" })
  assert.deepEqual([first.name, first.branch], ["my-feature", "opencode/my-feature"])
  const { id } = (await api.get("/project/current")).body
  await api.call("PATCH", `/project/${id}`, { commands: { start: "echo project > started.txt" } })
  const feed = events(server.url, { path: "/global/event" })
  await feed.connected
  // Nobody waits for the commands: it is answered although one of them goes on until it is let.
  const more = "until [ -e go ]; do sleep 0.05; done; cat started.txt >> both.txt; echo request >> both.txt"
  const second = await make({ name: "My Feature!", startCommand: more })
  assert.match(second.name, /^my-feature-\w+-\w+$/)
  const ready = await feed.until((event) => event.payload.type === "worktree.ready")
  assert.equal(ready.directory, second.directory)
  assert.deepEqual(ready.payload.properties, { name: second.name, branch: second.branch })
  writeFileSync(join(second.directory, "go"), "")
  const both = join(second.directory, "both.txt")
  await eventually(() => existsSync(both) && readFileSync(both, "utf8") === "project\nrequest\n")
  assert.deepEqual((await api.get("/experimental/worktree")).body.sort(), [first.directory, second.directory].sort())
  assert.deepEqual((await api.get("/project/current")).body.sandboxes.sort(), [first.directory, second.directory].sort())

  writeFileSync(join(first.directory, "a.txt"), "changed\n")
  writeFileSync(join(first.directory, "new.txt"), "new\n")
  assert.equal((await api.post("/experimental/worktree/reset", { directory: first.directory })).body, true)
  assert.equal(readFileSync(join(first.directory, "a.txt"), "utf8"), "one\ntwo\n")
  assert.ok(!existsSync(join(first.directory, "new.txt")))
  const primary = await api.post("/experimental/worktree/reset", { directory: world.directory })
  assert.deepEqual([primary.status, primary.body.name], [400, "WorktreeResetFailedError"])

  for (const { directory } of [first, second]) {
    assert.equal((await api.call("DELETE", "/experimental/worktree", { directory })).body, true)
    assert.ok(!existsSync(directory))
  }
  assert.equal(git(world.directory, "branch", "--list", "opencode/*"), "")
  const third = await make({ startCommand: "echo no network; exit 3" })
  const failed = await feed.until((event) => event.payload.type === "worktree.failed")
  assert.equal(failed.directory, third.directory)
  assert.match(failed.payload.properties.message, /failed with 3: no network/)
  // A reset begins again with what the project starts with.
  rmSync(join(third.directory, "started.txt"))
  assert.equal((await api.post("/experimental/worktree/reset", { directory: third.directory })).body, true)
  await eventually(() => existsSync(join(third.directory, "started.txt")))
  feed.close()
})

test("a patch is applied whole or not at all", async () => {
  const patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"
  assert.deepEqual((await api.post("/vcs/apply", { patch })).body, { applied: true })
  assert.equal(readFileSync(join(world.directory, "a.txt"), "utf8"), "one\nthree\n")
  const again = await api.post("/vcs/apply", { patch })
  assert.deepEqual([again.status, again.body.data.reason], [400, "not-clean"])
  const outside = "--- /dev/null\n+++ b/../../outside.txt\n@@ -0,0 +1 @@\n+x\n"
  assert.equal((await api.post("/vcs/apply", { patch: outside })).status, 400)
  assert.ok(!existsSync(join(world.root, "outside.txt")))
})

test("a directory becomes a repository", async () => {
  const plain = join(world.root, "plain")
  const sdk = createOpencodeClient({ baseUrl: server.url, directory: plain })
  const { mkdirSync } = await import("node:fs")
  mkdirSync(plain)
  const { data } = await sdk.project.initGit()
  assert.equal(data.vcs, "git")
  assert.equal(data.worktree, plain)
  assert.ok(existsSync(join(plain, ".git")))
})
