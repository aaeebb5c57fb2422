// A conversation of hundreds of turns under a small context window: what the model is sent stays bounded and whole, and
// the server's memory flat. QUARTERDECK_LONG_TURNS changes how many.
import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { sanitized } from "../support/sanitized.mjs"
import { client, makeWorld } from "../support/server.mjs"

const turns = Number(process.env.QUARTERDECK_LONG_TURNS ?? 300)
const contextTokens = 20_000
let world, server, api
before(async () => {
  world = await makeWorld({ config: { permission: { "*": "allow" } } })
  const file = join(world.directory, "opencode.json")
  const settings = JSON.parse(readFileSync(file, "utf8"))
  settings.provider.fake.models.fake.limit = { context: contextTokens, output: 1_000 }
  writeFileSync(file, JSON.stringify(settings))
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

const memoryKB = () => Number(readFileSync(`/proc/${server.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1])

// Every call is answered by one result right behind it, and no result stands without its call.
function assertWhole(messages) {
  let open = []
  for (const message of messages) {
    if (message.role === "tool") {
      assert.ok(open.includes(message.tool_call_id), `a result without its call: ${message.tool_call_id}`)
      open = open.filter((id) => id !== message.tool_call_id)
      continue
    }
    assert.deepEqual(open, [], "a call without its result")
    open = (message.tool_calls ?? []).map((call) => call.id)
  }
  assert.deepEqual(open, [])
}

test(`${turns} turns stay coherent and bounded`, { timeout: 280_000 }, async () => {
  const { id } = await api.session({ title: "long" })
  let since = 0
  let compactions = 0
  let memoryAfterWarmUp
  // The scripted model keeps the last hundred requests.
  const check = async () => {
    const requests = (await world.modelRequests()).filter((request) => request.messages)
    assert.ok(requests.length > 0)
    for (const { messages } of requests) {
      const bytes = JSON.stringify(messages).length
      assert.ok(bytes < contextTokens * 8, `a request of ${bytes} bytes`)
      assertWhole(messages)
    }
  }
  for (let turn = 1; turn <= turns; turn++) {
    const usage = ++since * 1_500
    const command = `seq ${turn} ${turn + 300}`
    const { status, body } = await api.prompt(id, `USAGE:${usage}\nturn ${turn}\nTOOL:[["bash",{"command":"${command}","description":"x"}],["read",{"filePath":"a.txt"}]]`)
    assert.equal(status, 200)
    assert.equal(body.info.error, undefined)
    const now = (await api.get(`/fleet/session/${id}/context`)).body
    if (now.compactions > compactions) since = 0
    compactions = now.compactions
    if (turn % 20 === 0 || turn === turns) await check()
    if (turn === Math.ceil(turns / 4)) memoryAfterWarmUp = memoryKB()
  }
  assert.ok(compactions >= Math.floor(turns / 20), `${compactions} compactions`)

  // The log of the session grows, what is kept of it in memory does not.
  const grown = memoryKB() - memoryAfterWarmUp
  if (!sanitized) assert.ok(grown < 24_000, `${grown} KB more than after a quarter of it`)
  const open = (await api.messages(id)).flatMap((m) => m.parts).filter((p) => p.type === "tool" && p.state.status !== "completed")
  assert.deepEqual(open, [])
})
