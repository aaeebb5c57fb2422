// Formatters after edits: ours beside the real OpenCode, with the same configuration and the same calls.
import assert from "node:assert/strict"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { client, events, makeWorld } from "../support/server.mjs"

const opencode = process.env.OPENCODE_BIN ?? join(import.meta.dirname, "node_modules/.bin/opencode")
const messy = "if true; then\necho   hi\nfi\n"
const tidy = "if true; then\n\techo hi\nfi\n"

async function begin(peer) {
  const world = await makeWorld({ peer, files: { "a.sh": messy, "b.low": "one\n", "c.bare": "\uFEFFone\ntwo\n" } })
  // The user's own file: it needs no trust.
  const settings = join(world.home, ".config/opencode")
  mkdirSync(settings, { recursive: true })
  const upper = { command: ["sh", "-c", 'tr a-z A-Z < "$1" > "$1.new" && cat "$1.new" > "$1"; rm "$1.new"; exit $CODE', "sh", "$FILE"] }
  writeFileSync(
    join(settings, "opencode.json"),
    JSON.stringify({
      formatter: {
        upper: { ...upper, extensions: [".low"], environment: { CODE: "0" } },
        failing: { ...upper, extensions: [".fail"], environment: { CODE: "1" } },
        bare: { command: ["sh", "-c", 'tail -c +4 "$1" > "$1.new" && cat "$1.new" > "$1"; rm "$1.new"', "sh", "$FILE"], extensions: [".bare"] },
        gofmt: { disabled: true },
        nothing: {},
      },
    }),
  )
  const server = await world.serve()
  const api = client(server.url)
  return {
    world,
    server,
    api,
    read: (name) => readFileSync(join(world.directory, name), "utf8"),
    async call(...calls) {
      const session = (await api.session()).id
      const filled = JSON.stringify(calls).replaceAll("$DIR", world.directory)
      await api.prompt(session, `TOOL:${filled}`)
      const parts = (await api.messages(session)).flatMap((m) => m.parts).filter((p) => p.type === "tool")
      const shown = JSON.stringify(parts.map(({ tool, state: { status, output, title, metadata } }) => ({ tool, status, output, title, metadata })))
      return JSON.parse(shown.replaceAll(world.directory, "$DIR"))
    },
  }
}

let ours, theirs
before(async () => ([ours, theirs] = await Promise.all([begin(), begin(opencode)])))
after(async () => {
  await ours?.world.close()
  await theirs?.world.close()
})
const both = async (...calls) => Promise.all([ours.call(...calls), theirs.call(...calls)])

test("the list of formatters is the same", async () => {
  const [mine, other] = await Promise.all([ours, theirs].map((side) => side.api.get("/formatter")))
  const bare = (list) => list.map(({ name, extensions }) => ({ name, extensions }))
  assert.deepEqual(bare(mine.body), bare(other.body))
  assert.equal(mine.body.find((f) => f.name === "shfmt").enabled, true)
  assert.equal(mine.body.find((f) => f.name === "nothing").enabled, false)
})

test("an edit shows what the formatter made of it", async () => {
  const calls = [["edit", { filePath: "$DIR/a.sh", oldString: "hi", newString: "hello" }]]
  const [mine, other] = await both(...calls)
  assert.deepEqual(mine, other)
  assert.equal(ours.read("a.sh"), tidy.replace("hi", "hello"))
  assert.match(mine[0].metadata.diff, /\+\techo hello/)
  assert.equal(mine[0].metadata.filediff.additions, 1)
})

test("a written file is formatted, also when the formatter fails at its end", async () => {
  const [mine, other] = await both(
    ["write", { filePath: "$DIR/n.low", content: "abc\n" }],
    ["write", { filePath: "$DIR/n.fail", content: "abc\n" }],
    ["edit", { filePath: "$DIR/c.bare", oldString: "two", newString: "TWO" }],
  )
  assert.deepEqual(mine, other)
  for (const side of [ours, theirs]) {
    assert.equal(side.read("n.low"), "ABC\n")
    assert.equal(side.read("n.fail"), "ABC\n")
    assert.equal(side.read("c.bare"), "\uFEFFone\nTWO\n", "the byte order mark stays")
  }
})

test("the event of an edited file comes when it is formatted", async () => {
  const stream = events(ours.server.url)
  await stream.connected
  const calling = ours.call(["write", { filePath: "$DIR/e.low", content: "abc\n" }])
  const event = await stream.until((e) => e.type === "file.edited")
  assert.equal(event.properties.file, join(ours.world.directory, "e.low"))
  assert.equal(ours.read("e.low"), "ABC\n")
  await calling
  stream.close()
})

test("an untrusted project's formatter does not run; a trusted one's does", async () => {
  const world = await makeWorld({ config: { formatter: { mark: { command: ["sh", "-c", 'echo marked > "$1"', "sh", "$FILE"], extensions: [".x"] } } } })
  try {
    for (const trusted of [false, true]) {
      const server = await world.serve()
      const api = client(server.url)
      if (trusted) assert.equal((await api.post("/fleet/trust", { directory: world.directory })).status, 200)
      if (trusted) await api.post("/instance/dispose")
      const session = (await api.session()).id
      await api.prompt(session, `TOOL:${JSON.stringify([["write", { filePath: join(world.directory, "f.x"), content: "plain\n" }]])}`)
      assert.equal(readFileSync(join(world.directory, "f.x"), "utf8"), trusted ? "marked\n" : "plain\n")
      await server.stop()
    }
  } finally {
    await world.close()
  }
})
