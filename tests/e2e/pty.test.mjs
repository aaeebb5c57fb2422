// Terminals: what OpenCode's web app and SDK do with them, and what must not be left when the server goes.
import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { request } from "node:http"
import { after, before, test } from "node:test"
import { createOpencodeClient } from "@opencode-ai/sdk/v2"
import { client, events, eventually, makeWorld } from "../support/server.mjs"
import { socket } from "./socket.mjs"

let world, server, api
before(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

const open = async (script, more = {}) => {
  const { status, body } = await api.post("/pty", { command: "/bin/bash", args: ["-c", script], ...more })
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
const connect = (id, query = "", options) => socket(`${server.url}/pty/${id}/connect${query}`, options)

// Processes whose environment holds `mark`.
const alive = (mark) =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark)
    } catch {
      return false
    }
  })

test("the user's shell is opened in the project, as a login shell, and says what is typed", async () => {
  const pty = (await api.post("/pty", {})).body
  assert.deepEqual(
    { ...pty, id: undefined, pid: undefined, title: undefined },
    { id: undefined, pid: undefined, title: undefined, command: "/bin/bash", args: ["-l"], cwd: world.directory, status: "running" },
  )
  assert.equal(pty.title, `Terminal ${pty.id.slice(-4)}`)
  const screen = await connect(pty.id)
  screen.send("echo $((6*7)) in $PWD; echo $TERM/$OPENCODE_TERMINAL\r")
  await screen.shows(new RegExp(`42 in ${world.directory}`))
  await screen.shows(/xterm-256color\/1/)
  screen.send("exit\r")
  assert.equal((await screen.closed()).code, 1000)
  assert.equal((await api.get(`/pty/${pty.id}`)).status, 404)
})

test("the secrets of the server are not in a terminal; what the client gives is", async () => {
  const own = await makeWorld()
  try {
    const secret = await own.serve({ env: { OPENCODE_SERVER_PASSWORD: "swordfish", ANTHROPIC_API_KEY: "sk-ant-x" } })
    const auth = { authorization: `Basic ${Buffer.from("opencode:swordfish").toString("base64")}` }
    const { body } = await client(secret.url).post("/pty", { command: "/bin/sh", args: ["-c", "env; sleep 60"], env: { GIVEN: "yes" } }, auth)
    const screen = await socket(`${secret.url}/pty/${body.id}/connect`, { headers: auth })
    await screen.shows(/GIVEN=yes/)
    assert.doesNotMatch(screen.text(), /swordfish|sk-ant/)
    screen.close()
  } finally {
    await own.close()
  }
})

test("a viewer gets what was shown from its position on, told where that ends, then what comes", async () => {
  const pty = await open("printf 'h\\303\\251llo\\n'; read line; echo got $line; sleep 60")
  const first = await connect(pty.id)
  await first.shows(/héllo/)
  const all = await connect(pty.id, "?cursor=0")
  assert.equal(await all.position(), 7)
  assert.deepEqual(all.messages[0], { text: "héllo\r\n" })
  const some = await connect(pty.id, "?cursor=2")
  assert.equal(await some.position(), 7)
  assert.deepEqual(some.messages[0], { text: "llo\r\n" })
  const none = await connect(pty.id, "?cursor=-1")
  assert.equal(await none.position(), 7)
  assert.equal(none.messages.length, 1)
  none.send(Buffer.from("bytes\r"))
  for (const screen of [first, all, some, none]) await screen.shows(/got bytes\r\n/)
  await api.delete(`/pty/${pty.id}`)
  for (const screen of [first, all, some, none]) assert.equal((await screen.closed()).code, 1000)
})

test("it takes the size of the window and a title, and clients are told", async () => {
  const seen = events(server.url)
  await seen.connected
  const pty = await open("read line; stty size; exit 3")
  await seen.until((e) => e.type === "pty.created" && e.properties.info.id === pty.id)
  const screen = await connect(pty.id)
  const updated = await api.call("PUT", `/pty/${pty.id}`, { title: "Build", size: { rows: 33, cols: 111 } })
  assert.equal(updated.body.title, "Build")
  await seen.until((e) => e.type === "pty.updated" && e.properties.info.title === "Build")
  screen.send("go\r")
  await screen.shows(/33 111/)
  const exited = await seen.until((e) => e.type === "pty.exited" && e.properties.id === pty.id)
  assert.equal(exited.properties.exitCode, 3)
  seen.close()
})

test("the v2 API keeps a terminal that has exited, with its code, until it is removed", async () => {
  const { body } = await api.post("/api/pty", { command: "/bin/sh", args: ["-c", "exit 4"] })
  const id = body.data.id
  assert.equal(body.location.directory, world.directory)
  const exited = await eventually(async () => {
    const { data } = (await api.get(`/api/pty/${id}`)).body
    return data.status === "exited" && data
  })
  assert.equal(exited.exitCode, 4)
  assert.ok((await api.get("/api/pty")).body.data.some((pty) => pty.id === id))
  assert.deepEqual((await api.get("/pty")).body.filter((pty) => pty.id === id), [])
  const late = await socket(`${server.url}/api/pty/${id}/connect`)
  assert.deepEqual(await late.closed(), { code: 4404, reason: "session exited" })
  assert.equal((await api.delete(`/api/pty/${id}`)).status, 204)
  assert.equal((await api.get(`/api/pty/${id}`)).body._tag, "PtyNotFoundError")
})

test("the SDK's calls work", async () => {
  const sdk = createOpencodeClient({ baseUrl: server.url, directory: world.directory })
  const made = (await sdk.pty.create({ command: "/bin/cat", title: "cat" })).data
  assert.equal(made.title, "cat")
  assert.ok((await sdk.pty.list()).data.some((pty) => pty.id === made.id))
  assert.equal((await sdk.pty.get({ ptyID: made.id })).data.pid, made.pid)
  assert.equal((await sdk.pty.update({ ptyID: made.id, size: { rows: 10, cols: 40 } })).data.id, made.id)
  assert.ok((await sdk.pty.shells()).data.some((shell) => shell.name === "bash" && shell.acceptable))
  assert.equal((await sdk.pty.remove({ ptyID: made.id })).data, true)
})

test("a ticket lets one connection in where a password is asked for", async () => {
  const own = await makeWorld()
  try {
    const closed = await own.serve({ env: { OPENCODE_SERVER_PASSWORD: "swordfish" } })
    const secret = Buffer.from("opencode:swordfish").toString("base64")
    const auth = { authorization: `Basic ${secret}` }
    const inside = client(closed.url)
    const { id } = (await inside.post("/pty", { command: "/bin/cat" }, auth)).body
    const at = `${closed.url}/pty/${id}/connect`
    await assert.rejects(socket(at), { status: 401 })
    assert.equal((await inside.post(`/pty/${id}/connect-token`, undefined, auth)).body._tag, "PtyForbiddenError")
    const { body } = await inside.post(`/pty/${id}/connect-token`, undefined, { ...auth, "x-opencode-ticket": "1" })
    assert.equal(body.expires_in, 60)
    const screen = await socket(`${at}?ticket=${body.ticket}`)
    assert.equal(await screen.position(), 0)
    await assert.rejects(socket(`${at}?ticket=${body.ticket}`), { status: 403 })
    await assert.rejects(socket(`${at}?ticket=made-up`), { status: 403 })
    // Nothing else opens with a ticket.
    assert.equal((await inside.get("/pty?ticket=x")).status, 401)
    await (await socket(`${at}?auth_token=${secret}`)).position()
  } finally {
    await own.close()
  }
})

test("a page of another origin gets no terminal", async () => {
  const pty = await open("cat")
  await assert.rejects(connect(pty.id, "", { headers: { origin: "http://evil.example" } }), { status: 403 })
  await (await connect(pty.id, "", { headers: { origin: "http://localhost:3000" } })).position()
  const asked = await api.post(`/pty/${pty.id}/connect-token`, undefined, { "x-opencode-ticket": "1", origin: "http://evil.example" })
  assert.equal(asked.status, 403)
  await api.delete(`/pty/${pty.id}`)
})

test("what is wrong is answered with the field", async () => {
  const table = [
    ["POST", "/pty", { command: 5 }, 400, /Expected string, got 5\n {2}at \["command"\]/],
    ["POST", "/pty", { command: "/no/such/program" }, 400, /no such program/],
    ["POST", "/pty", { cwd: "/tmp/no/such/directory" }, 400, /no such directory/],
    ["POST", "/pty", { args: "x" }, 400, /\["args"\]/],
    ["PUT", "/pty/pty_none", { size: { rows: 0, cols: 3 } }, 400, /greater than 0, got 0\n {2}at \["size"\]\["rows"\]/],
    ["PUT", "/pty/pty_none", { size: { rows: 70000, cols: 3 } }, 400, /at most 65535/],
    ["PUT", "/pty/pty_none", { title: "x" }, 404, /PTY session not found/],
    ["GET", "/pty/none", undefined, 400, /starting with "pty"/],
    ["GET", "/api/pty/none", undefined, 400, /starting with "pty"/],
    ["DELETE", "/pty/pty_none", undefined, 404, /PTY session not found/],
    ["GET", "/pty/pty_none/connect", undefined, 404, /PTY session not found/],
  ]
  for (const [method, path, body, status, message] of table) {
    const answer = await api.call(method, path, body)
    assert.equal(answer.status, status, `${method} ${path}`)
    assert.match(answer.body.data?.message ?? answer.body.message, message)
  }
  const pty = await open("cat")
  assert.equal((await api.get(`/pty/${pty.id}/connect`)).status, 400, "no upgrade asked for")
  const torn = await new Promise((resolve) => {
    const asking = request(`${server.url}/pty/${pty.id}/connect`, {
      headers: { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "8", "sec-websocket-key": "x" },
    })
    asking.on("response", (response) => resolve(response.statusCode))
    asking.end()
  })
  assert.equal(torn, 400)
  await api.delete(`/pty/${pty.id}`)
})

test("a flood of output reaches a viewer whole, and the server stays quick", async () => {
  const pty = await open("read line; seq 1 100000; sleep 60")
  const screen = await connect(pty.id)
  await screen.position()
  screen.send("go\r")
  assert.equal((await api.get("/global/health")).status, 200)
  await screen.shows(/\r\n100000\r\n/)
  const lines = screen.text().split("\r\n").filter((line) => /^\d+$/.test(line))
  assert.equal(lines.length, 100000)
  await api.delete(`/pty/${pty.id}`)
})

test("closing a terminal, and the server's end by SIGTERM or SIGKILL, leave no process", async () => {
  for (const end of ["delete", "stop", "kill"]) {
    const own = await makeWorld()
    try {
      const there = await own.serve()
      const mark = `QD_PTY_MARK=${end}-${process.pid}`
      const script = "trap '' HUP TERM; setsid sleep 300 & nohup sleep 300 >/dev/null 2>&1 & echo up; sleep 300"
      const { body } = await client(there.url).post("/pty", {
        command: "/bin/bash",
        args: ["-c", script],
        env: { QD_PTY_MARK: mark.split("=")[1] },
      })
      const screen = await socket(`${there.url}/pty/${body.id}/connect`)
      await screen.shows(/up/)
      await eventually(() => alive(mark).length >= 3)
      if (end === "delete") await client(there.url).delete(`/pty/${body.id}`)
      else await there[end]()
      await screen.closed()
      await eventually(() => alive(mark).length === 0)
    } finally {
      await own.close()
    }
  }
})
