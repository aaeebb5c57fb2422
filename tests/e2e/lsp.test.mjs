// Language servers: a real one (clangd), ours beside the real OpenCode, and one that behaves badly.
import assert from "node:assert/strict"
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { execFileSync, spawnSync } from "node:child_process"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { client, events, eventually, makeWorld } from "../support/server.mjs"

const opencode = process.env.OPENCODE_BIN ?? join(import.meta.dirname, "node_modules/.bin/opencode")
const own = join(import.meta.dirname, "../support/language_server.py")
const clangd = execFileSync("sh", ["-c", "for n in clangd clangd-19 clangd-18 clangd-17; do command -v $n && break; done; true"], { encoding: "utf8" }).trim()

const files = {
  "a.c": "int one(void) {\n  return 1;\n}\n",
  "b.x": "fine\n",
  "compile_flags.txt": "-Wall\n",
}

async function begin({ peer, env = {}, lsp } = {}) {
  const world = await makeWorld({ peer, files })
  // The user's own file: it needs no trust.
  const settings = join(world.home, ".config/opencode")
  mkdirSync(settings, { recursive: true })
  const log = join(world.root, "log")
  const python = (mode) => ["/usr/bin/python3", own, mode, log]
  writeFileSync(
    join(settings, "opencode.json"),
    JSON.stringify({ lsp: lsp ?? { own: { command: python("push"), extensions: [".x"], initialization: { a: 1 } }, hanging: { command: python("hang"), extensions: [".hang"] },
        // OpenCode would wait 45 seconds for it.
        ...(peer ? {} : { dying: { command: python("die"), extensions: [".x"] } }),
      } }),
  )
  const bin = join(world.root, "bin")
  mkdirSync(bin)
  if (clangd) symlinkSync(clangd, join(bin, "clangd"))
  const server = await world.serve({ env: { PATH: `${bin}:${process.env.PATH}`, ...env } })
  const api = client(server.url)
  return {
    world,
    server,
    api,
    log: () => readFileSync(log, "utf8"),
    async call(...calls) {
      const began = Date.now()
      const session = (await api.session()).id
      const filled = JSON.stringify(calls).replaceAll("$DIR", world.directory)
      await api.prompt(session, `TOOL:${filled}`)
      const parts = (await api.messages(session)).flatMap((m) => m.parts).filter((p) => p.type === "tool")
      if (process.env.VERBOSE) console.error(peer ? "theirs" : "ours", JSON.stringify(calls[0]).slice(0, 60), Date.now() - began, "ms")
      const shown = JSON.stringify(parts.map(({ tool, state: { status, output, title, metadata, error } }) => ({ tool, status, output, title, metadata, error })))
      return JSON.parse(shown.replaceAll(world.directory, "$DIR"))
    },
  }
}

let ours, theirs
before(async () => {
  ;[ours, theirs] = await Promise.all([begin({ env: { OPENCODE_EXPERIMENTAL_LSP_TOOL: "1" } }), begin({ peer: opencode, env: { OPENCODE_EXPERIMENTAL_LSP_TOOL: "1" } })])
})
after(async () => {
  await ours?.world.close()
  await theirs?.world.close()
})
const both = async (...calls) => Promise.all([ours.call(...calls), theirs.call(...calls)])

test("errors of an edited file come with the edit, as OpenCode tells them", { skip: !clangd && "no clangd" }, async () => {
  const stream = events(ours.server.url)
  await stream.connected
  const [mine, other] = await both(["edit", { filePath: "$DIR/a.c", oldString: "return 1;", newString: "return two;" }])
  await stream.until((e) => e.type === "lsp.updated")
  stream.close()
  assert.equal(mine[0].output, other[0].output)
  assert.match(mine[0].output, /LSP errors detected in this file, please fix:\n<diagnostics file="\$DIR\/a\.c">\nERROR \[2:10\] .*two/)
  assert.deepEqual(mine[0].metadata, other[0].metadata)
  const [status, peers] = await Promise.all([ours, theirs].map((side) => side.api.get("/lsp")))
  assert.deepEqual(status.body, peers.body)
  assert.deepEqual(status.body, [{ id: "clangd", name: "clangd", root: "", status: "connected" }])
})

test("a repaired file has no errors", { skip: !clangd && "no clangd" }, async () => {
  const [mine, other] = await both(["edit", { filePath: "$DIR/a.c", oldString: "return two;", newString: "return 2;" }])
  assert.equal(mine[0].output, "Edit applied successfully.")
  assert.equal(mine[0].output, other[0].output)
})

test("a written file brings its errors, and those of other files", async () => {
  const [mine, other] = await both(["write", { filePath: "$DIR/w.x", content: "fine\n  bad\nodd\n" }])
  assert.deepEqual(mine, other)
  const second = await both(["write", { filePath: "$DIR/v.x", content: "bad bad\n" }])
  assert.equal(second[0][0].output, second[1][0].output)
  const third = await both(["write", { filePath: "$DIR/u.x", content: "fine\n" }])
  assert.equal(third[0][0].output, third[1][0].output)
  assert.match(third[0][0].output, /^Wrote file successfully\.\n\nLSP errors detected in other files:\n<diagnostics file="\$DIR\/w\.x">\nERROR \[2:3\] bad word\n<\/diagnostics>\n\nLSP/)
  assert.deepEqual(third[0][0].metadata, third[1][0].metadata)
})

test("the lsp tool answers as OpenCode's", { skip: !clangd && "no clangd" }, async () => {
  const place = { filePath: "$DIR/a.c", line: 1, character: 5 }
  for (const operation of ["goToDefinition", "findReferences", "hover", "documentSymbol"]) {
    const [mine, other] = await both(["lsp", { operation, ...place }])
    assert.deepEqual(mine, other, operation)
    assert.equal(mine[0].status, "completed")
  }
  const [mine, other] = await both(["lsp", { operation: "hover", filePath: "$DIR/compile_flags.txt", line: 1, character: 1 }])
  assert.equal(mine[0].error, "No LSP server available for this file type.")
  assert.equal(mine[0].error, other[0].error)
})

test("symbols are found, and a mention of one brings its lines", async () => {
  await ours.call(["read", { filePath: "$DIR/b.x" }])
  const found = await eventually(async () => {
    const { body } = await ours.api.get("/find/symbol?query=some")
    return body.some((s) => s.name === "some12") && body
  })
  assert.deepEqual(Object.keys(found[0]).sort(), ["kind", "location", "name"])
  writeFileSync(join(ours.world.directory, "m.x"), "1\n2\n3\n4\n5\n6\n")
  const session = (await ours.api.session()).id
  const url = `file://${join(ours.world.directory, "m.x")}?start=1&end=1`
  await ours.api.post(`/session/${session}/message`, { parts: [{ type: "text", text: "look" }, { type: "file", mime: "text/plain", filename: "m.x", url }] })
  const [asked] = await ours.api.messages(session)
  assert.match(asked.parts.find((p) => p.text?.startsWith("Called the Read tool")).text, /"offset":1,"limit":4/)
  assert.equal((await ours.api.get("/find/symbol")).status, 400)
})

test("a server that hangs or dies costs an edit a bounded time, and nothing is left of it", async () => {
  const began = Date.now()
  const [written] = await ours.call(["write", { filePath: "$DIR/h.hang", content: "x\n" }])
  assert.equal(written.status, "completed")
  assert.ok(Date.now() - began < 20_000)
  await ours.server.stop()
  assert.equal(spawnSync("pgrep", ["-f", `${ours.world.root}/log`], { encoding: "utf8" }).stdout, "")
})

test("an untrusted project starts no server of its own", async () => {
  const world = await makeWorld({ config: { lsp: { evil: { command: ["sh", "-c", "touch started"], extensions: [".x"] } } } })
  try {
    const server = await world.serve()
    const api = client(server.url)
    const session = (await api.session()).id
    await api.prompt(session, `TOOL:${JSON.stringify([["write", { filePath: join(world.directory, "f.x"), content: "x" }]])}`)
    assert.throws(() => readFileSync(join(world.directory, "started")))
    assert.deepEqual((await api.get("/lsp")).body, [])
  } finally {
    await world.close()
  }
})
