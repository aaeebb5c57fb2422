// Full text over all sessions: found, ranked, filtered; behind by nothing after a kill; gone when the session is.
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { existsSync, readFileSync, rmSync, statSync } from "node:fs"
import { afterEach, beforeEach, test } from "node:test"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { client, eventually, git, makeWorld } from "../support/server.mjs"

const bin = resolve(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
let world, server, api
const start = async (config = {}, env = {}) => {
  world = await makeWorld({ config })
  server = await world.serve({ env })
  api = client(server.url)
}
beforeEach(() => (world = undefined))
afterEach(() => world?.close())

// When everything is looked through: on a busy machine that may be a moment later.
const search = (query) =>
  eventually(async () => {
    const answer = await api.get(`/fleet/search?${new URLSearchParams(query)}`)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body.behind === 0 && answer.body
  }, 120000)
const found = async (query) => (await search(query)).hits.map((hit) => [hit.sessionID, hit.kind])

test("what was asked, said, run and committed is found, and can be filtered", async () => {
  await start()
  const a = (await api.session({ title: "Zebra crossing" })).id
  await api.prompt(a, 'TOOL:[["bash",{"command":"echo pangolin > p.txt && git add . && git -c user.name=a -c user.email=a@b commit -m \'Teach the aardvark\'"}]]')
  const b = (await api.session({ title: "Other" })).id
  await api.prompt(b, "the café has an ocelot")
  assert.deepEqual(await found({ q: "zebra" }), [[a, "title"]])
  assert.deepEqual(await found({ q: "CAFE ocelot", kind: "prompt" }), [[b, "prompt"]])
  assert.ok((await found({ q: "pangolin" })).some(([id, kind]) => id === a && kind === "tool"))
  const commit = await search({ q: "aardvark", kind: "commit" })
  assert.equal(commit.hits[0].snippet.includes("Teach the aardvark"), true)
  assert.match(commit.hits[0].snippet, new RegExp(`^${git(world.directory, "rev-parse", "HEAD").slice(0, 7)}`))
  const [begin, length] = commit.hits[0].matches[0]
  assert.equal([...commit.hits[0].snippet].slice(begin, begin + length).join(""), "aardvark")
  const { body: row } = await api.get(`/fleet/session/${b}`)
  assert.deepEqual(await found({ q: "ocelot", session: a }), [])
  assert.ok((await found({ q: "ocelot", project: row.projectID })).length > 0)
  assert.deepEqual(await found({ q: "ocelot", project: "nobody's" }), [])
  assert.ok((await found({ q: "ocelot", state: row.attention.state, priority: "P2" })).length > 0)
  assert.deepEqual(await found({ q: "ocelot", priority: "P0" }), [])
  assert.deepEqual(await found({ q: "ocelot", since: Date.now() + 60000 }), [])
  assert.deepEqual(await found({ q: "ocelot", until: 1 }), [])
  const { stdout } = await promisify(execFile)(bin, ["search", "ocelot", "--since", "1h", "--kind", "prompt"], {
    cwd: world.directory,
    env: { ...world.env, QUARTERDECK_URL: server.url },
  })
  assert.match(stdout, new RegExp(`^${b}  .*prompt  idle  Other\n    the café has an ocelot\n$`))
})

test("pages go on where they ended", async () => {
  await start()
  const session = (await api.session({ title: "many" })).id
  for (let i = 0; i < 12; i++) await api.prompt(session, `needle number ${i}`)
  const seen = []
  let cursor
  do {
    const page = await search({ q: "needle", kind: "prompt", order: "newest", limit: 5, ...(cursor ? { cursor } : {}) })
    seen.push(...page.hits.map((hit) => hit.snippet))
    await api.prompt(session, "needle that comes later")
    cursor = page.next
  } while (cursor)
  assert.deepEqual(seen, Array.from({ length: 12 }, (_, i) => `needle number ${11 - i}`))
})

test("nothing that is typed is an error of the server", async () => {
  await start()
  await api.prompt((await api.session({ title: "x" })).id, "hello")
  for (const q of ['"', '""', "*", "-", "a OR", "NEAR(", "text:hello", "hello'; DROP TABLE words;--", "\u0000hello", "^", "(((", "ä*", "\ud83e\udd8a", "x".repeat(2000)]) {
    const answer = await api.get(`/fleet/search?${new URLSearchParams({ q })}`)
    assert.ok([200, 400].includes(answer.status), `${q}: ${answer.status}`)
  }
  for (const [query, path] of [["", "q"], ["q=a&limit=0", "limit"], ["q=a&kind=word", "kind"], ["q=a&cursor=x", "cursor"], ["q=a&state=odd", "state"], ["q=a&since=-1", "since"]]) {
    const answer = await api.get(`/fleet/search?${query}`)
    assert.equal(answer.status, 400, query)
    assert.match(JSON.stringify(answer.body), new RegExp(`\\[\\\\*"${path}\\\\*"\\]`))
  }
})

test("after a kill nothing is missing or double, and a deleted session is gone", async () => {
  await start()
  const session = (await api.session({ title: "first" })).id
  await api.prompt(session, "remember the wombat")
  assert.equal((await found({ q: "wombat", kind: "prompt" })).length, 1)
  await api.prompt(session, "and the wombat again")
  await server.kill()
  server = await world.serve()
  api = client(server.url)
  assert.equal((await found({ q: "wombat", kind: "prompt" })).length, 2)
  const other = (await api.session({ title: "second" })).id
  await api.prompt(other, "one more wombat")
  assert.equal((await found({ q: "wombat", kind: "prompt" })).length, 3)
  await api.delete(`/session/${session}`)
  assert.deepEqual(await found({ q: "wombat", kind: "prompt" }), [[other, "prompt"]])
})

test("a long past is caught up with in the background, in little memory", async () => {
  await start()
  const messages = Number(process.env.SEARCH_MESSAGES ?? 3000)
  const id = (prefix, n) => `${prefix}_${(0xabc000000000n + BigInt(n)).toString(16)}${"Q".repeat(14)}`
  let session
  // A request may have 10 MB.
  for (let from = 0; from < messages; from += 2500) {
    session = (await api.session({ title: "long" })).id
    const exported = (await api.get(`/fleet/session/${session}/export`)).body
    exported.messages = Array.from({ length: Math.min(2500, messages - from) }, (_, n) => n + from).map((i) => ({
      info: { id: id("msg", i), sessionID: session, role: "user", time: { created: 1700000000000 + i }, agent: "build", model: { providerID: "fake", modelID: "fake" } },
      parts: [{ id: id("prt", i), sessionID: session, messageID: id("msg", i), type: "text", text: `entry ${i} ${"lorem ipsum dolor ".repeat(50)} ${i === messages - 1 ? "capybara" : ""}` }],
    }))
    const taken = await api.post("/fleet/import", exported)
    assert.equal(taken.status, 200, JSON.stringify(taken.body).slice(0, 300))
  }
  await server.stop()
  const data = join(world.home, ".local/share/quarterdeck")
  assert.ok(existsSync(join(data, "search.db")))
  assert.equal(statSync(join(data, "search.db")).mode & 0o777, 0o600)
  for (const suffix of ["", "-wal", "-shm"]) rmSync(join(data, `search.db${suffix}`), { force: true })
  server = await world.serve()
  api = client(server.url)
  assert.deepEqual(await found({ q: "capybara" }), [[session, "prompt"]])
  const peak = Number(readFileSync(`/proc/${server.pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1])
  if (process.env.SEARCH_MESSAGES) console.log(`${messages} messages: peak ${peak} kB, index ${statSync(join(data, "search.db")).size} bytes, database ${statSync(join(data, "quarterdeck.db")).size}`)
  assert.ok(peak < 250_000, `${peak} kB`)
})

test("it can be switched off, and keeps nothing then", async () => {
  await start()
  await api.prompt((await api.session({ title: "x" })).id, "secret words")
  await server.stop()
  server = await world.serve({ env: { QUARTERDECK_SEARCH: "off" } })
  api = client(server.url)
  const answer = await api.get("/fleet/search?q=secret")
  assert.deepEqual([answer.status, /switched off/.test(JSON.stringify(answer.body))], [503, true])
  assert.equal(existsSync(join(world.home, ".local/share/quarterdeck/search.db")), false)
})
