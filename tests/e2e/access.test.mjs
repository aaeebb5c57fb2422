// Who may do what: tokens, roles, the sessions an agent opened, sign-in, the unix socket.
import { after, before, test } from "node:test"
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises"
import { request } from "node:http"
import { join, resolve as absolute } from "node:path"
import { promisify } from "node:util"
import { createOpencodeClient } from "@opencode-ai/sdk/v2"
import { opencode, runAttached } from "../support/opencode_run.mjs"
import { client, events, makeWorld } from "../support/server.mjs"
import { openTerminal } from "../support/terminal.mjs"

const bin = absolute(process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck")
const password = "sword fish"
let world, server, api, admin
const roles = {}

const basic = (secret) => ({ authorization: `Basic ${Buffer.from(`opencode:${secret}`).toString("base64")}` })
const bearer = (secret) => ({ authorization: `Bearer ${secret}` })
const as = (secret) => {
  const headers = bearer(secret)
  return {
    headers,
    get: (path) => api.get(path, headers),
    post: (path, body) => api.post(path, body, headers),
    patch: (path, body) => api.patch(path, body, headers),
    delete: (path) => api.delete(path, headers),
  }
}
const token = async (name, role, more = {}) => {
  const made = await api.post("/fleet/token", { name, role, ...more }, basic(password))
  assert.equal(made.status, 200, JSON.stringify(made.body))
  return made.body.secret
}

before(async () => {
  world = await makeWorld({ config: { permission: { bash: "ask" } } })
  server = await world.serve({ env: { OPENCODE_SERVER_PASSWORD: password } })
  api = client(server.url)
  for (const role of ["viewer", "agent", "operator", "admin"]) roles[role] = as(await token(`the-${role}`, role))
  admin = roles.admin
})
after(() => world?.close())

test("nobody goes without a credential, and a wrong one is no better", async () => {
  for (const headers of [{}, bearer("qd_wrong"), bearer(""), basic("qd_wrong"), { authorization: "Digest x" }]) {
    assert.equal((await api.get("/session", headers)).status, 401)
  }
  assert.equal((await api.get(`/session?auth_token=${Buffer.from(`opencode:${password}`).toString("base64")}`)).status, 401, "no password in an address")
  assert.equal((await api.get("/session", basic(password))).status, 200)
})

test("a token is also a password, for clients that know nothing else", async () => {
  const secret = await token("sdk", "viewer")
  const who = (await api.get("/fleet/principal", basic(secret))).body
  assert.deepEqual([who.name, who.kind, who.role], ["sdk", "person", "viewer"])
})

test("OpenCode's own clients work with a token as with the password, as far as its role goes", async () => {
  const operator = await token("desk", "operator")
  const said = async (secret) => {
    const { code, lines, out, err } = await runAttached(world, server.url, ["hello"], { env: { OPENCODE_SERVER_PASSWORD: secret } })
    return { code, text: lines.findLast((line) => line.type === "text")?.part.text, all: out + err }
  }
  for (const secret of [password, operator]) assert.match((await said(secret)).text ?? "", /\w/)
  const viewer = await said(await token("looker-on", "viewer"))
  assert.notEqual(viewer.code, 0)
  assert.equal(viewer.text, undefined)

  const sdk = createOpencodeClient({ baseUrl: server.url, headers: basic(operator), directory: world.directory })
  const { data: session } = await sdk.session.create({ title: "with a token" })
  const { data: answer } = await sdk.session.prompt({ sessionID: session.id, parts: [{ type: "text", text: "hello" }] })
  assert.ok(answer.parts.some((part) => part.type === "text"))
  const stream = (await sdk.event.subscribe()).stream
  assert.equal((await stream.next()).value.type, "server.connected")
  await stream.return()

  const tui = openTerminal({
    command: [opencode, "attach", server.url],
    cwd: world.directory,
    env: { ...world.env, TERM: "xterm-256color", OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_SERVER_PASSWORD: operator },
  })
  try {
    await tui.until(/Build.*Fake/, 60000)
    await tui.until("Ask anything")
    for (let typed = false; !typed; ) {
      tui.type("who is there")
      typed = await tui.until("who is there", 3000).catch(() => tui.keys("C-e", "C-u"))
    }
    tui.keys("Enter")
    await tui.until("word0 word1 word2", 60000)
  } finally {
    tui.close()
  }
})

test("every route answers every role as its declaration says", async () => {
  const doc = (await api.get("/doc", admin.headers)).body
  const allowed = {
    "nobody in particular": ["viewer", "agent", "operator", "admin"],
    "viewer, agent, operator or admin": ["viewer", "agent", "operator", "admin"],
    "agent, operator or admin": ["agent", "operator", "admin"],
    "operator, admin, or an agent that may approve": ["operator", "admin"],
    "operator or admin": ["operator", "admin"],
    admin: ["admin"],
  }
  let walked = 0
  for (const [path, operations] of Object.entries(doc.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const needs = operation["x-quarterdeck-needs"]
      assert.ok(allowed[needs], `${method} ${path}: ${needs}`)
      for (const role of Object.keys(roles)) {
        walked++
        const may = allowed[needs].includes(role)
        // Those who may are let through: what that does is for other tests, and much of it would end this one.
        if (may && method !== "get") continue
        const at = path.replace("{sessionID}", "ses_none").replace("{requestID}", "per_none").replaceAll(/\{\w+\}/g, "none")
        const abort = new AbortController()
        const answer = await fetch(server.url + at + "?timeout_ms=0", {
          method: method.toUpperCase(),
          headers: { ...roles[role].headers, ...(method === "get" ? {} : { "content-type": "application/json" }) },
          body: method === "get" ? undefined : "{}",
          signal: AbortSignal.any([abort.signal, AbortSignal.timeout(10_000)]),
        }).catch((error) => error)
        abort.abort()
        // /tui/control/next waits until there is something.
        if (answer instanceof Error) {
          assert.ok(may && at === "/tui/control/next", `${role} ${method} ${at}: ${answer}`)
          continue
        }
        assert.notEqual(answer.status, 401, `${role} ${method} ${path}`)
        // An agent is also kept to its own sessions: a directory is none.
        if (!may) assert.equal(answer.status, 403, `${role} ${method} ${path}`)
        else if (role !== "agent") assert.notEqual(answer.status, 403, `${role} ${method} ${path}`)
      }
    }
  }
  assert.ok(walked > 900, `${walked} cells`)
})

test("a refusal says which role is needed", async () => {
  const refused = await roles.viewer.post("/session", {})
  assert.equal(refused.status, 403)
  assert.match(refused.body.data.message, /^POST \/session needs the role agent, operator or admin; the-viewer is viewer$/)
})

test("an agent reaches the sessions that it opened, their forks, and no others", async () => {
  const agent = roles.agent
  const foreign = (await admin.post("/session", { title: "foreign" })).body.id
  const own = (await agent.post("/session", { title: "own" })).body.id
  const fork = (await agent.post(`/session/${own}/fork`, {})).body.id
  const handed = (await agent.post("/fleet/handoff", { request: "say hello", directory: world.directory, in_place: true })).body
  assert.equal(handed.session.standing?.principal ?? handed.session.principal, "the-agent", JSON.stringify(handed))
  const mine = [own, fork, handed.sessionID]

  for (const id of mine) assert.equal((await agent.get(`/session/${id}`)).status, 200)
  for (const [method, path, body] of [
    ["GET", `/session/${foreign}`],
    ["GET", `/session/${foreign}/message`],
    ["POST", `/session/${foreign}/prompt_async`, { parts: [{ type: "text", text: "hello" }] }],
    ["PATCH", `/session/${foreign}`, { title: "mine now" }],
    ["DELETE", `/session/${foreign}`],
    ["POST", `/session`, { parentID: foreign }],
    ["POST", `/api/session`, { id: foreign }],
    ["POST", `/fleet/session/${foreign}/close`, {}],
    ["GET", `/fleet/session/${foreign}/digest`],
    ["GET", `/file?path=.`],
  ]) {
    assert.equal((await api.call(method, path, body, agent.headers)).status, 403, `${method} ${path}`)
  }
  assert.equal((await admin.get(`/session/${foreign}`)).body.title, "foreign")

  for (const path of ["/session", "/api/session", "/fleet/roster", "/experimental/session", "/session/status"]) {
    const text = JSON.stringify((await agent.get(path)).body)
    assert.ok(!text.includes(foreign), path)
    if (path !== "/session/status") for (const id of mine) assert.ok(text.includes(id), `${path} ${id}`)
  }
})

test("an agent's stream has its own sessions only", async () => {
  const own = (await roles.agent.post("/session", { title: "own" })).body.id
  const abort = new AbortController()
  const response = await fetch(`${server.url}/event`, { headers: roles.agent.headers, signal: abort.signal })
  const seen = []
  const done = (async () => {
    let text = ""
    for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
      text += bytes
      seen[0] = text
      if (text.includes("the last")) return
    }
  })()
  const foreign = (await admin.post("/session", { title: "not for agents" })).body.id
  await roles.agent.patch(`/session/${own}`, { title: "the last" })
  await done
  abort.abort()
  assert.ok(seen[0].includes("server.connected") && seen[0].includes(own))
  assert.ok(!seen[0].includes(foreign) && !seen[0].includes("not for agents"))
})

test("an agent drives but does not approve; one that may, does", async () => {
  let bystander
  for (const [driver, may] of [[roles.agent, false], [as(await token("trusted", "agent", { approves: true })), true]]) {
    const session = (await driver.post("/session", { title: "risky" })).body.id
    const sent = await driver.post(`/session/${session}/prompt_async`, { parts: [{ type: "text", text: 'TOOL:[["bash",{"command":"touch risky","description":"t"}]]' }] })
    assert.equal(sent.status, 204)
    let open = []
    for (let i = 0; i < 200 && open.length === 0; i++) {
      open = (await driver.get("/permission")).body.filter((one) => one.sessionID === session)
      if (open.length === 0) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.equal(open.length, 1, "it asks")
    const total = async (who) => Object.values((await who.get("/fleet/roster")).body.counts).reduce((sum, one) => sum + one, 0)
    assert.ok((await total(driver)) >= 1)
    bystander ??= as(await token("bystander", "agent"))
    assert.equal(await total(bystander), 0, "others' sessions are not even counted")
    const answers = [
      await driver.post(`/permission/${open[0].id}/reply`, { reply: "once" }),
      await driver.post(`/session/${session}/permissions/${open[0].id}`, { response: "once" }),
      await driver.post(`/fleet/request/${open[0].id}/answer`, { reply: "once" }),
    ]
    if (may) assert.equal(answers[0].status, 200)
    else assert.deepEqual(answers.map((one) => one.status), [403, 403, 403])
    // Nor by the side doors.
    if (!may) {
      assert.equal((await driver.patch(`/session/${session}`, { permission: [{ permission: "*", pattern: "*", action: "allow" }] })).status, 403)
      assert.equal((await driver.post(`/session`, { permission: [] })).status, 403)
      assert.equal((await driver.post(`/session/${session}/prompt_async`, { tools: { bash: true }, parts: [{ type: "text", text: "x" }] })).status, 403)
      assert.equal((await driver.post(`/session/${session}/shell`, { agent: "build", command: "id" })).status, 403)
      await symlink("/etc/hostname", join(world.directory, "link")).catch(() => {})
      await mkdir(join(world.directory, "#"), { recursive: true })
      const up = "../".repeat(20)
      for (const url of ["/etc/hostname", `${world.directory}/link`, `${world.directory}/${up}etc/hostname`, `${world.directory}/#/${up}etc/hostname`, `${world.directory}/%2e%2e/${up}etc/hostname`, `${up}etc/hostname`]) {
        const elsewhere = { type: "file", mime: "text/plain", url: `file://${url}` }
        assert.equal((await driver.post(`/session/${session}/prompt_async`, { parts: [elsewhere] })).status, 403, url)
      }
      await admin.post(`/permission/${open[0].id}/reply`, { reply: "reject" })
    }
  }
})

test("a token for a project reaches what lies in it", async () => {
  const inside = as(await token("inside", "operator", { scope: { projects: [world.directory] } }))
  const outside = as(await token("outside", "operator", { scope: { projects: ["/nowhere"] } }))
  const session = (await admin.post("/session", { title: "in the project" })).body.id
  assert.equal((await inside.get(`/session/${session}`)).status, 200)
  assert.equal((await inside.get(`/file?path=.`)).status, 200)
  assert.equal((await outside.get(`/session/${session}`)).status, 403)
  assert.equal((await outside.get(`/file?path=.`)).status, 403)
  assert.equal((await outside.post(`/session`, {})).status, 403)
  assert.equal((await inside.post(`/pty`, {})).status, 403, "a shell knows no projects")
  assert.deepEqual((await outside.get("/session")).body, [])
})

test("tokens are listed without secrets, revoked at once, and bad ones are refused with a path", async () => {
  const secret = await token("short", "viewer", { expires_in: "30m" })
  const listed = (await admin.get("/fleet/token")).body.tokens
  assert.equal(listed.find((one) => one.name === "short").role, "viewer")
  assert.ok(!JSON.stringify(listed).includes(secret) && !JSON.stringify(listed).includes("hash"))
  assert.equal((await admin.delete("/fleet/token/short")).status, 200)
  assert.equal((await api.get("/session", bearer(secret))).status, 401)
  assert.equal((await admin.delete("/fleet/token/nothing")).status, 404)
  for (const [body, at] of [
    [{}, /\["name"\]/],
    [{ name: "x", role: "king" }, /\["role"\]/],
    [{ name: "a b" }, /\["name"\]/],
    [{ name: "x", expires_in: "soon" }, /\["expires_in"\]/],
    [{ name: "x", scope: { sessions: ["nope"] } }, /\["scope"\]\["sessions"\]\[0\]/],
    [{ name: "x", role: "admin", scope: { own: true } }, /\["scope"\]/],
  ]) {
    const refused = await admin.post("/fleet/token", body)
    assert.equal(refused.status, 400, JSON.stringify(body))
    assert.match(refused.body.data.message, at)
  }
})

test("the command line makes tokens for a running server, and uses one", async () => {
  const run = (args, env = {}) => promisify(execFile)(bin, args, { env: { ...world.env, ...env }, cwd: world.directory })
  const { stdout } = await run(["token", "create", "laptop", "--role", "operator", "--expires", "90d"])
  const secret = stdout.trim()
  for (let i = 0; i < 100 && (await api.get("/fleet/principal", bearer(secret))).status !== 200; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.equal((await api.get("/fleet/principal", bearer(secret))).body.name, "laptop")
  const listed = await run(["session", "list", "--attach", server.url, "--format", "json"], { QUARTERDECK_TOKEN: secret })
  assert.ok(Array.isArray(JSON.parse(listed.stdout)))
  assert.match((await run(["token", "list"])).stdout, /laptop\s+person\s+operator\s+valid for/)
  await run(["token", "revoke", "laptop"])
  await assert.rejects(run(["token", "revoke", "laptop"]), /No token/)
})

test("a browser signs in by a one-time link, or by password, and gets a cookie that pages of others cannot use", async () => {
  const { stdout } = await promisify(execFile)(bin, ["token", "link", "--attach", server.url], { env: world.env, cwd: world.directory })
  const secret = stdout.trim().split("#")[1]
  const sign = (body) => api.post("/fleet/sign-in", body, { origin: server.url })
  let signed
  for (let i = 0; i < 100 && signed?.status !== 200; i++) {
    signed = await sign({ token: secret })
    if (signed.status !== 200) await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.equal(signed.status, 200)
  assert.equal((await sign({ token: secret })).status, 401, "once")
  assert.equal((await sign({ password })).status, 200)
  assert.equal((await sign({ password: "wrong" })).status, 401)
  const given = signed.headers.get("set-cookie")
  assert.match(given, /^quarterdeck_\d+=qd_[\w-]+; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/)
  const cookie = { cookie: given.split(";")[0] }
  assert.equal((await api.get("/session", cookie)).status, 200)
  const open = (headers) => api.post("/session", {}, { ...cookie, ...headers })
  assert.equal((await open({ origin: server.url })).status, 200)
  assert.equal((await open({ origin: "http://localhost:3000" })).status, 401, "another page of this machine")
  assert.equal((await open({})).status, 401)
  assert.equal((await api.post("/fleet/sign-out", undefined, { ...cookie, origin: server.url })).status, 200)
  assert.equal((await api.get("/session", cookie)).status, 401)
})

test("200 wrong passwords: ten are looked at, the rest has to wait, and tokens go on", async () => {
  const own = await makeWorld()
  try {
    const guarded = await own.serve({ env: { OPENCODE_SERVER_PASSWORD: password } })
    const at = client(guarded.url)
    const made = (await at.post("/fleet/token", { name: "t", role: "viewer" }, basic(password))).body.secret
    const statuses = []
    for (let i = 0; i < 200; i++) statuses.push(await at.get("/session", basic(`guess ${i}`)))
    const looked = statuses.filter((one) => one.status === 401).length
    assert.ok(looked >= 10 && looked < 100, `${looked} were looked at`)
    const later = statuses.find((one) => one.status === 429)
    assert.ok(Number(later.headers.get("retry-after")) >= 1)
    assert.equal((await at.get("/session", bearer(made))).status, 200)
  } finally {
    await own.close()
  }
})

test("a ticket opens one stream without a header", async () => {
  const { ticket } = (await roles.viewer.post("/fleet/ticket")).body
  const open = async () => {
    const abort = new AbortController()
    const response = await fetch(`${server.url}/event?ticket=${ticket}`, { signal: abort.signal })
    abort.abort()
    return response.status
  }
  assert.equal(await open(), 200)
  assert.equal(await open(), 401)
  const again = (await roles.viewer.post("/fleet/ticket")).body.ticket
  assert.equal((await api.get(`/session?ticket=${again}`)).status, 401, "for streams only")
})

test("the unix socket knows its user", async () => {
  const socketPath = join(world.home, ".local/share/quarterdeck/quarterdeck.sock")
  const body = await new Promise((resolve, reject) => {
    request({ socketPath, path: "/fleet/principal" }, (answer) => {
      let text = ""
      answer.on("data", (bytes) => (text += bytes))
      answer.on("end", () => resolve(JSON.parse(text)))
    })
      .on("error", reject)
      .end()
  })
  assert.deepEqual([body.role, body.credential], ["admin", "socket"])
})

test("without a credential loopback is open, until there is one", async () => {
  const own = await makeWorld()
  try {
    const open = await own.serve()
    const at = client(open.url)
    assert.deepEqual([(await at.get("/fleet/principal")).body.role, (await at.get("/session")).status], ["admin", 200])
    const { secret } = (await at.post("/fleet/token", { name: "first", role: "admin" })).body
    assert.equal((await at.get("/session")).status, 401)
    assert.equal((await at.get("/session", bearer(secret))).status, 200)
    await at.delete("/fleet/token/first", bearer(secret))
    assert.equal((await at.get("/session")).status, 401, "it stays closed")
  } finally {
    await own.close()
  }
})

test("what was done stands in the audit with who, route and what changed, and a changed row is found", async () => {
  const own = await makeWorld()
  try {
    const guarded = await own.serve({ env: { OPENCODE_SERVER_PASSWORD: password } })
    const at = client(guarded.url)
    const boss = basic(password)
    const secret = (await at.post("/fleet/token", { name: "anna", role: "operator" }, boss)).body.secret
    const anna = bearer(secret)
    const session = (await at.post("/session", { title: "old" }, anna)).body.id
    await at.patch(`/session/${session}`, { title: "new" }, anna)
    await at.call("PUT", "/auth/anthropic", { type: "api", key: "sk-very-secret-key" }, boss)
    assert.equal((await at.delete("/fleet/token/anna", anna)).status, 403)
    await at.post(`/session/${session}/prompt_async`, { parts: [{ type: "text", text: "words of a person" }] }, anna)
    await at.delete(`/session/${session}`, anna)

    const { rows } = (await at.get("/fleet/audit", boss)).body
    assert.deepEqual(
      rows.map((row) => [row.who, row.operation, row.status]),
      [
        ["anna", "session.delete", 200],
        ["anna", "session.prompt_async", 204],
        ["anna", "fleet.token.revoke", 403],
        ["opencode", "auth.set", 200],
        ["anna", "session.update", 200],
        ["anna", "session.create", 200],
        ["opencode", "fleet.token.create", 200],
      ].map(([who, ...rest]) => [who === "opencode" ? rows.at(-1).who : who, ...rest]),
    )
    const changed = rows.find((row) => row.operation === "session.update")
    assert.deepEqual([changed.before, changed.after, changed.session, changed.role], [{ title: "old" }, { title: "new" }, session, "operator"])
    assert.equal(rows.find((row) => row.operation === "session.create").session, session)
    assert.equal(rows.at(-1).after.tokens[0].name, "anna")
    const text = JSON.stringify(rows)
    for (const hidden of [secret, "sk-very-secret-key", "words of a person", password]) assert.ok(!text.includes(hidden), hidden)

    assert.equal((await at.get("/fleet/audit", anna)).status, 403)
    assert.equal((await at.get("/fleet/audit?limit=0", boss)).status, 400)
    const page = (await at.get("/fleet/audit?limit=2&who=anna", boss)).body
    const more = (await at.get(`/fleet/audit?limit=2&who=anna&before=${page.next}`, boss)).body
    assert.deepEqual([...page.rows, ...more.rows].map((row) => row.operation), ["session.delete", "session.prompt_async", "fleet.token.revoke", "session.update"])

    const run = (...args) => promisify(execFile)(bin, ["audit", ...args], { env: own.env, cwd: own.directory })
    assert.match((await run("--session", session, "--since", "1h")).stdout, /anna\s+operator\s+200\s+session\.update\s+PATCH \/session\/ses_/)
    assert.match((await run("--verify")).stdout, /the chain holds: 7 rows/)
    assert.equal((await at.get("/fleet/audit/verify", boss)).body.holds, true)
    const exported = (await run("--export")).stdout
    assert.equal(exported.trim().split("\n").length, 7)
    const file = join(own.home, ".local/share/quarterdeck/access/audit.jsonl")
    assert.equal(await readFile(file, "utf8"), exported)
    await writeFile(file, exported.replace('"who":"anna"', '"who":"bert"'))
    await assert.rejects(run("--verify"), /row 2 was changed/)
    assert.match((await at.get("/fleet/audit/verify", boss)).body.problem, /row 2 was changed/)
  } finally {
    await own.close()
  }
})
