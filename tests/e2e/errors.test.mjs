// Every operation that the server lists, called wrongly: wrong methods, bad ids, no JSON, JSON of the wrong type, missing
// members. Whatever is wrong with a request is said in JSON with a status that says so.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { client, makeWorld } from "../support/server.mjs"

let world, server, api, paths
before(async () => {
  world = await makeWorld()
  server = await world.serve()
  api = client(server.url)
  paths = Object.entries((await api.get("/doc")).body.paths)
})
after(() => world?.close())

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
const has = (operations, method) => Boolean(operations[method.toLowerCase()])
const filled = (path) => path.replace(/\{[^}]+\}/g, "bad").replace(/\*/g, "bad")
// They do not end, or end what the other requests are sent to.
const left_out = (method, path) => method === "POST" && /dispose|upgrade/.test(path)

// What is wrong with an answer, or nothing.
async function fault(method, path, body) {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), 30000)
  try {
    const headers = body === undefined ? {} : { "content-type": "application/json" }
    const answer = await fetch(server.url + path, { method, headers, body, signal: abort.signal })
    const type = answer.headers.get("content-type") ?? ""
    const said = `${method} ${path} ${body ?? ""}: ${answer.status} ${type}`
    if (type.startsWith("text/event-stream")) return
    await answer.arrayBuffer()
    if (answer.status >= 500 || (type.includes("html") && path !== "/sign-in") || (answer.status >= 400 && !type.startsWith("application/json"))) return said
    if (body === "{bad" && answer.status < 400) return `taken: ${said}`
  } catch (error) {
    return `${method} ${path} ${body ?? ""}: ${error}`
  } finally {
    clearTimeout(timer)
    abort.abort()
  }
}
const faults = async (requests) => (await Promise.all(requests.map((r) => fault(...r)))).filter(Boolean)

test("a method that a path does not have is a 405, a path that is not there a 404, both in JSON", async () => {
  const wrong = []
  for (const [path, operations] of paths) {
    for (const method of methods.filter((m) => !has(operations, m))) {
      // Another path may stand for this one, with a parameter where it has a word.
      const answer = await api.call(method, filled(path))
      if (answer.status < 400 || answer.status >= 500) wrong.push([method, path, answer.status])
      else if (typeof answer.body !== "object") wrong.push([method, path, answer.body])
    }
  }
  assert.deepEqual(wrong, [])
  for (const path of ["/nothing", "/api/nothing", "/session/ses_x/nothing"]) {
    const answer = await api.get(path)
    assert.equal(answer.status, 404)
    assert.equal(typeof answer.body, "object")
  }
})

test("no bad id, and no bad body, is more than the request's mistake", async () => {
  const bodies = ["{bad", "[]", "null", '"x"', "1", "{}", '{"parts":1,"title":{},"messageID":3,"model":"x","command":[],"path":4,"name":[]}']
  const wrong = []
  for (const [path, operations] of paths) {
    for (const method of methods.filter((m) => has(operations, m) && !left_out(m, path))) {
      const reads = method === "GET" || (method === "DELETE" && !operations.delete.requestBody)
      const wanted = reads || !operations[method.toLowerCase()].requestBody ? [undefined] : bodies
      wrong.push(...(await faults(wanted.map((body) => [method, filled(path), body]))))
    }
  }
  assert.deepEqual(wrong, [])
})
