// Holds a running server against an OpenAPI document of OpenCode's API: every operation is called, and what it answers
// is compared with what the document says.
//
//   node tests/conformance/run.mjs [--document FILE|URL] [--server URL] [--json FILE] [--minimum PERCENT]
//
// Without --document it is taken from /doc of a real OpenCode server, started from the npm package (OPENCODE_BIN).
// Without --server it starts ours (QUARTERDECK_BIN) in a scratch world.
//
//   supported   a documented status, with an answer that fits its schema
//   refused     a documented error where the request was in order: the feature is left out on purpose, and it says so
//   deviating   anything else that is JSON: another status, another shape
//   absent      404 "No such path", 405, or no JSON
import { spawn } from "node:child_process"
import { request as httpRequest } from "node:http"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { client, eventually, makeWorld } from "../support/server.mjs"
import { problems } from "./schema.mjs"

const { values: options } = parseArgs({
  options: {
    document: { type: "string" },
    server: { type: "string" },
    json: { type: "string" },
    minimum: { type: "string", default: "0" },
  },
})

// Would end another server than ours, reach the network, or run for ever there.
const skipped = options.server
  ? {
      "POST /global/upgrade": "would replace the program",
      "POST /global/dispose": "would stop the rest of the run",
      "POST /experimental/console/switch": "needs an account",
      "GET /tui/control/next": "waits for a request that never comes",
    }
  : {}

// What this server leaves out on purpose; docs/compatibility.md has the reasons. Answered with the documented error, these
// conform; anything else that is refused does not.
const leftOut = new Set([
  "POST /session/{sessionID}/share",
  "PATCH /config",
  "PATCH /global/config",
  "POST /provider/{providerID}/oauth/authorize",
  "POST /provider/{providerID}/oauth/callback",
  "GET /api/integration/attempt/{attemptID}",
  "POST /api/integration/{integrationID}/connect/oauth",
  "POST /api/integration/attempt/{attemptID}/complete",
  "DELETE /api/integration/attempt/{attemptID}",
  "PATCH /api/credential/{credentialID}",
  "POST /api/session/{sessionID}/permission",
  "GET /api/session/{sessionID}/history",
  "GET /api/session/{sessionID}/event",
  "POST /sync/replay",
  "POST /sync/steal",
  "POST /experimental/workspace",
  "DELETE /experimental/workspace/{id}",
  "POST /experimental/control-plane/move-session",
  "POST /experimental/project/{projectID}/copy",
  "POST /experimental/project/{projectID}/copy/refresh",
  "DELETE /experimental/project/{projectID}/copy",
  "GET /tui/control/next",
  "POST /tui/control/response",
])

// Refused here because the fixture is no server to sign in to; tests/e2e/mcp.test.mjs signs in.
const testedElsewhere = new Set([
  "POST /mcp/{name}/auth",
  "POST /mcp/{name}/auth/callback",
  "POST /mcp/{name}/auth/authenticate",
])

async function documentOfOpencode() {
  const bin = resolve(process.env.OPENCODE_BIN ?? "tests/e2e/node_modules/.bin/opencode")
  const home = mkdtempSync(join(tmpdir(), "quarterdeck-conformance-"))
  const child = spawn(bin, ["serve", "--port", "0"], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" },
  })
  try {
    const url = await new Promise((found, failed) => {
      let output = ""
      const look = (bytes) => {
        output += bytes
        const match = output.match(/listening on (http:\S+)/)
        if (match) found(match[1])
      }
      child.stdout.on("data", look)
      child.stderr.on("data", look)
      child.on("error", failed)
      child.on("exit", () => failed(new Error(`opencode serve ended:\n${output}`)))
    })
    return await (await fetch(`${url}/doc`)).json()
  } finally {
    child.kill("SIGKILL")
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function loadDocument(name) {
  if (!name) return documentOfOpencode()
  if (/^https?:/.test(name)) return (await fetch(name)).json()
  return JSON.parse(readFileSync(name, "utf8"))
}

// Real things to fill into paths and bodies, made anew where an operation uses them up.
async function makeFixtures(url) {
  const api = client(url)
  const session = async () => (await api.session({ title: "conformance" })).id
  const spoken = await session()
  const answer = (await api.prompt(spoken, "hello")).body
  const project = (await api.get("/project/current")).body.id
  return {
    project,
    spoken,
    answer,
    session,
    async worktree() {
      return (await api.post("/experimental/worktree", { name: "conformance" })).body.directory
    },
    async terminal(path) {
      const { body } = await api.post(path, { command: "/bin/cat" })
      return (body.data ?? body).id ?? "pty_none"
    },
    // A request that waits for its answer.
    async permission() {
      const asking = (await api.session({ permission: [{ permission: "bash", pattern: "*", action: "ask" }] })).id
      await api.promptAsync(asking, 'TOOL:[["bash",{"command":"true","description":"x"}]]')
      return eventually(async () => (await api.get("/permission")).body.find((p) => p.sessionID === asking))
    },
  }
}

// The path parameters, query and body of a request that is in order.
async function requestFor(key, operation, fixtures) {
  const names = { providerID: "fake", projectID: fixtures.project, name: "none", ptyID: "pty_none", requestID: "que_none", integrationID: "anthropic" }
  names.sessionID = /permissions?\/\{/.test(key) ? "" : fixtures.spoken
  if (/^(DELETE|PATCH) \/session\/\{sessionID\}$|shell|revert|abort|share|summarize|init|command|prompt|message$/.test(key)) {
    names.sessionID = await fixtures.session()
  }
  // The two forms see their own terminals only, with OpenCode.
  if (key.includes("{ptyID}")) names.ptyID = await fixtures.terminal(key.includes(" /api/") ? "/api/pty" : "/pty")
  if (/revert\/stage/.test(key)) names.sessionID = fixtures.spoken
  if (key.includes("{messageID}")) {
    names.sessionID = fixtures.spoken
    names.messageID = fixtures.answer.info.id
    names.partID = fixtures.answer.parts.find((p) => p.type === "text").id
  }
  if (key.startsWith("DELETE") && key.includes("{messageID}")) names.messageID = names.partID = undefined
  if (/\/permission/.test(key) && /\{(requestID|permissionID)\}/.test(key)) {
    const asked = await fixtures.permission()
    names.sessionID = asked.sessionID
    names.requestID = names.permissionID = asked.id
  }
  names.sessionID ||= fixtures.spoken
  names.messageID ??= "msg_none"
  names.partID ??= "prt_none"
  const path = key
    .slice(key.indexOf(" ") + 1)
    .replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(names[name] ?? "none"))
    .replace("/*", "/a.txt")
  const query = new URLSearchParams()
  const given = { path: ".", pattern: "one", query: "a", mode: "git", provider: "fake", model: "fake" }
  if (key.endsWith("/content")) given.path = "a.txt"
  for (const parameter of operation.parameters ?? []) {
    if (parameter.in === "query" && parameter.required) query.set(parameter.name, given[parameter.name] ?? "x")
  }
  return { path: query.size ? `${path}?${query}` : path, body: await bodyFor(key, operation, fixtures, names) }
}

async function bodyFor(key, operation, fixtures, names) {
  const parts = [{ type: "text", text: "hello" }]
  const known = {
    "POST /session": { title: "made" },
    "PATCH /session/{sessionID}": { title: "renamed" },
    "POST /session/{sessionID}/message": { parts },
    "POST /session/{sessionID}/prompt_async": { parts },
    "POST /session/{sessionID}/shell": { agent: "build", command: "echo hello" },
    "POST /session/{sessionID}/command": { command: "init", arguments: "" },
    "POST /session/{sessionID}/init": { providerID: "fake", modelID: "fake", messageID: "msg_ffffffffffff00000000000000" },
    "POST /session/{sessionID}/summarize": { providerID: "fake", modelID: "fake" },
    "POST /session/{sessionID}/revert": { messageID: "msg_none" },
    "POST /session/{sessionID}/fork": {},
    "POST /session/{sessionID}/permissions/{permissionID}": { response: "once" },
    "POST /permission/{requestID}/reply": { reply: "once" },
    "POST /question/{requestID}/reply": { answers: [["a"]] },
    "PATCH /config": { username: "bob" },
    "PATCH /global/config": { username: "bob" },
    "PUT /auth/{providerID}": { type: "api", key: "k" },
    "POST /log": { service: "conformance", level: "info", message: "hello" },
    "POST /mcp": { name: "none", config: { type: "local", command: ["/bin/false"], enabled: false } },
    "POST /tui/append-prompt": { text: "x" },
    "POST /tui/execute-command": { command: "agent_cycle" },
    "POST /tui/show-toast": { message: "hi", variant: "info" },
    "POST /tui/publish": { type: "tui.prompt.append", properties: { text: "y" } },
    "POST /tui/select-session": { sessionID: fixtures.spoken },
    "PATCH /project/{projectID}": { name: "named" },
    "POST /api/session": { agent: "build", model: { id: "fake", providerID: "fake" } },
    "POST /api/session/{sessionID}/prompt": { prompt: { text: "hello" } },
    "POST /api/session/{sessionID}/agent": { agent: "build" },
    "POST /api/session/{sessionID}/model": { model: { id: "fake", providerID: "fake" } },
    "POST /api/session/{sessionID}/revert/stage": { messageID: fixtures.answer.info.parentID },
    "POST /api/session/{sessionID}/permission": { action: "bash", resources: ["ls"] },
    "POST /api/session/{sessionID}/permission/{requestID}/reply": { reply: "once" },
    "POST /api/session/{sessionID}/question/{requestID}/reply": { answers: [["a"]] },
    "POST /api/integration/{integrationID}/connect/key": { key: "k" },
    "POST /api/integration/{integrationID}/connect/oauth": { methodID: "x", inputs: {} },
    "PATCH /api/credential/{credentialID}": { label: "x" },
    "POST /vcs/apply": { patch: "--- /dev/null\n+++ b/conformance.txt\n@@ -0,0 +1 @@\n+hello\n" },
    "POST /experimental/worktree": { name: "made" },
    "POST /experimental/project/{projectID}/copy/generate-name": { context: "fix the login" },
    "POST /experimental/project/{projectID}/copy": { strategy: "git-worktree", directory: "/tmp" },
    "DELETE /experimental/project/{projectID}/copy": { directory: "/tmp", force: false },
    "POST /experimental/control-plane/move-session": { sessionID: fixtures.spoken, destination: { directory: "/tmp" } },
    "POST /experimental/workspace": { type: "none" },
    "POST /experimental/workspace/warp": { id: null, sessionID: fixtures.spoken },
    "POST /experimental/console/switch": { accountID: "a", orgID: "b" },
    "POST /sync/history": {},
    "POST /sync/replay": {
      directory: "/tmp",
      events: [{ id: "evt_1", aggregateID: fixtures.spoken, seq: 0, type: "session.created.1", data: {} }],
    },
    "POST /sync/steal": { sessionID: fixtures.spoken },
    "POST /global/upgrade": { target: "latest" },
    "POST /provider/{providerID}/oauth/authorize": { method: 0 },
    "POST /provider/{providerID}/oauth/callback": { method: 0 },
    "POST /mcp/{name}/auth/callback": { code: "x" },
    "PATCH /session/{sessionID}/message/{messageID}/part/{partID}": {
      ...fixtures.answer.parts.find((p) => p.type === "text"),
      text: "edited",
    },
  }
  if (key in known) return known[key]
  if (/^(POST|DELETE) \/experimental\/worktree(\/reset)?$/.test(key)) return { directory: await fixtures.worktree() }
  return operation.requestBody ? {} : undefined
}

// A WebSocket: 101 is its success, which the document calls 200.
function upgrade(url, path) {
  return new Promise((resolve) => {
    const headers = { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" }
    headers["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    const asking = httpRequest(url + path, { headers })
    asking.on("upgrade", (response, socket) => {
      socket.destroy()
      resolve({ status: 200, type: "application/json", text: "true" })
    })
    asking.on("response", async (response) => {
      const text = (await response.toArray()).join("")
      resolve({ status: response.statusCode, type: response.headers["content-type"] ?? "", text })
    })
    asking.on("error", (error) => resolve({ status: 0, type: "", failure: String(error) }))
    asking.end()
  })
}

async function call(url, method, path, body, headers) {
  if (path.endsWith("/connect") && path.includes("/pty/") && method === "GET") return upgrade(url, path)
  const stop = AbortSignal.timeout(20000)
  try {
    const response = await fetch(url + path, {
      method,
      signal: stop,
      headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const type = response.headers.get("content-type") ?? ""
    if (type.startsWith("text/event-stream")) {
      await response.body.cancel()
      return { status: response.status, type }
    }
    const text = await response.text()
    return { status: response.status, type, text }
  } catch (error) {
    return { status: 0, type: "", failure: String(error) }
  }
}

function judge(document, operation, answer) {
  if (answer.failure) return ["deviating", answer.failure]
  const json = answer.type.startsWith("application/json")
  let body
  try {
    body = json ? JSON.parse(answer.text) : undefined
  } catch {
    return ["deviating", "broken JSON"]
  }
  if (answer.status === 405 || (answer.status === 404 && /^No such path/.test(body?.data?.message ?? ""))) return ["absent", ""]
  if (answer.type.startsWith("text/html")) return ["absent", "HTML"]
  const documented = operation.responses[answer.status]
  if (!documented) return ["deviating", `status ${answer.status} is not documented`]
  if (answer.status >= 400) return [answer.status === 400 ? "refused" : "supported", body?.data?.message ?? body?.message ?? ""]
  const content = Object.entries(documented.content ?? {})
  if (content.length === 0) return ["supported", ""]
  const [type, { schema }] = content.find(([name]) => answer.type.startsWith(name.split(";")[0])) ?? []
  if (!type) return ["deviating", `content type ${answer.type}`]
  if (!json || !schema) return ["supported", ""]
  const found = problems(schema, body, document)
  return found.length === 0 ? ["supported", ""] : ["deviating", found.slice(0, 2).join("; ")]
}

const document = await loadDocument(options.document)
const world = options.server ? undefined : await makeWorld()
const rows = []
try {
  const url = options.server ?? (await world.serve()).url
  const fixtures = await makeFixtures(url)
  // Last, what takes things away.
  const order = (method) => ["get", "post", "put", "patch", "delete"].indexOf(method)
  const operations = Object.entries(document.paths)
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })))
    .filter(({ method }) => order(method) >= 0)
    .sort((a, b) => order(a.method) - order(b.method))
  for (const { path, method, operation } of operations) {
    const key = `${method.toUpperCase()} ${path}`
    if (skipped[key]) {
      rows.push({ key, verdict: "skipped", note: skipped[key] })
      continue
    }
    const request = await requestFor(key, operation, fixtures)
    const headers = key.endsWith("/connect-token") ? { "x-opencode-ticket": "1" } : {}
    const answer = await call(url, method.toUpperCase(), request.path, request.body, headers)
    let [verdict, note] = judge(document, operation, answer)
    if (verdict === "refused" && testedElsewhere.has(key)) [verdict, note] = ["supported", "refused for the fixture, which cannot"]
    rows.push({ key, operation: operation.operationId, status: answer.status, verdict, note })
  }
} finally {
  await world?.close()
}

const count = (verdict) => rows.filter((row) => row.verdict === verdict).length
for (const verdict of ["supported", "refused", "deviating", "absent", "skipped"]) {
  console.log(`\n${verdict}: ${count(verdict)}`)
  for (const row of rows.filter((r) => r.verdict === verdict)) {
    console.log(`  ${row.key}${row.note ? `  (${row.note.replaceAll("\n", " ").slice(0, 160)})` : ""}`)
  }
}
const judged = rows.length - count("skipped")
const leftOutToo = rows.filter((row) => row.verdict === "refused" && leftOut.has(row.key)).length
const conform = count("supported") + leftOutToo
const percent = (100 * conform) / judged
console.log(
  `\n${conform} of ${judged} operations conform (${percent.toFixed(1)} %): ` +
    `${count("supported")} do what they say, ${leftOutToo} are left out on purpose with the documented error`,
)
if (options.json) writeFileSync(options.json, JSON.stringify(rows, null, 1))
process.exitCode = percent < Number(options.minimum) ? 1 : 0
