// Files, search and version control over HTTP: what file trees, "@" completion and review panels show.
import assert from "node:assert/strict"
import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { client, git, makeWorld } from "../support/server.mjs"

let world, server, api
before(async () => {
  world = await makeWorld({ files: { "a.txt": "one\ntwo\n", "gone.txt": "x\n", ".gitignore": "ignored/\n" } })
  for (const directory of ["src/deep", "ignored"]) mkdirSync(join(world.directory, directory), { recursive: true })
  writeFileSync(join(world.directory, "src/main.cpp"), "int main() {}\n")
  writeFileSync(join(world.directory, "src/deep/needle_case.cpp"), "// one needle here\n")
  writeFileSync(join(world.directory, "ignored/needle.txt"), "needle\n")
  writeFileSync(join(world.directory, "pixel.png"), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1]))
  writeFileSync(join(world.root, "secret.txt"), "secret\n")
  symlinkSync(world.root, join(world.directory, "out"))
  server = await world.serve()
  api = client(server.url)
})
after(() => world?.close())

test("a directory is listed, directories first, with what git ignores marked", async () => {
  const { status, body } = await api.get("/file?path=.")
  assert.equal(status, 200)
  const entry = (name) => body.find((e) => e.name === name)
  assert.deepEqual(entry("src"), { name: "src", path: "src/", absolute: join(world.directory, "src"), type: "directory", ignored: false })
  assert.equal(entry("ignored").ignored, true)
  assert.deepEqual((await api.get("/file?path=src")).body.map((e) => e.path), ["src/deep/", "src/main.cpp"])
})

test("content is text, or base64 when it is not", async () => {
  assert.deepEqual((await api.get("/file/content?path=a.txt")).body, { type: "text", content: "one\ntwo" })
  assert.deepEqual((await api.get("/file/content?path=nothing.txt")).body, { type: "text", content: "" })
  assert.deepEqual((await api.get("/file/content?path=pixel.png")).body, {
    type: "binary",
    content: "iVBORwAB",
    encoding: "base64",
    mimeType: "image/png",
  })
})

test("nothing outside the project is read, also not through links", async () => {
  for (const path of ["../secret.txt", "out/secret.txt", "/etc/passwd", "src/../../secret.txt", join(world.root, "secret.txt")]) {
    const answer = await api.get(`/file/content?path=${encodeURIComponent(path)}`)
    assert.equal(answer.status, 403, path)
    assert.equal(answer.body.name, "ForbiddenError")
  }
  const table = [
    ["/file?path=..", 403],
    ["/file?path=out", 403],
    ["/file?path=nope", 404],
    ["/file?path=a.txt", 404],
    ["/file", 400],
    ["/file/content", 400],
    ["/file/content?path=src", 400],
    ["/file/content?path=a%00b", 400],
    ["/api/fs/list?path=../..", 403],
  ]
  for (const [path, status] of table) {
    const answer = await api.get(path)
    assert.equal(answer.status, status, `${path} ${JSON.stringify(answer.body)}`)
    assert.match(answer.headers.get("content-type"), /^application\/json/)
  }
})

test("files are found by letters of their names; ignored ones are not", async () => {
  assert.equal((await api.get("/find/file?query=needle")).body[0], "src/deep/needle_case.cpp")
  assert.deepEqual((await api.get("/find/file?query=ndlcs")).body, ["src/deep/needle_case.cpp"])
  assert.deepEqual((await api.get("/find/file?query=deep&type=directory")).body, ["src/deep/"])
  assert.deepEqual((await api.get("/find/file?query=MAIN&limit=1&dirs=false")).body, ["src/main.cpp"])
  assert.deepEqual((await api.get("/find/file?query=zzzz")).body, [])
  assert.equal((await api.get("/find/file")).status, 400)
  const found = (await api.get("/api/fs/find?query=deep&limit=20")).body
  assert.equal(found.location.directory, world.directory)
  assert.deepEqual(found.data[0], { path: "src/deep/", type: "directory" })
  assert.deepEqual((await api.get("/api/fs/find")).body, {
    _tag: "InvalidRequestError",
    message: 'Missing key\n  at ["query"]',
    kind: "Query",
  })
})

test("lines are found by a pattern", async () => {
  const { body } = await api.get("/find?pattern=one%20n.%2Be")
  assert.equal(body.length, 1)
  assert.equal(body[0].path.text, "src/deep/needle_case.cpp")
  assert.deepEqual([body[0].line_number, body[0].lines.text], [1, "// one needle here\n"])
  assert.deepEqual(body[0].submatches.map((m) => [m.start, m.match.text]), [[3, "one needle here".slice(0, 15)]])
  assert.equal((await api.get("/find?pattern=(")).status, 400)
  assert.equal((await api.get("/find")).status, 400)
  assert.deepEqual((await api.get("/find?pattern=--version")).body, [])
  assert.deepEqual((await api.get("/find/symbol?query=x")).body, [])
})

test("changes since the last commit are told with their patches", async () => {
  writeFileSync(join(world.directory, "a.txt"), "one\nTWO\nthree\n")
  unlinkSync(join(world.directory, "gone.txt"))
  const status = (await api.get("/vcs/status")).body
  const of = (list, file) => list.find((change) => change.file === file)
  assert.deepEqual(of(status, "a.txt"), { file: "a.txt", additions: 2, deletions: 1, status: "modified" })
  assert.deepEqual(of(status, "gone.txt"), { file: "gone.txt", additions: 0, deletions: 1, status: "deleted" })
  assert.deepEqual(of(status, "src/main.cpp"), { file: "src/main.cpp", additions: 1, deletions: 0, status: "added" })
  assert.equal(of(status, "ignored/needle.txt"), undefined)
  const diff = (await api.get("/vcs/diff?mode=git")).body
  assert.match(of(diff, "a.txt").patch, /^diff --git a\/a\.txt b\/a\.txt\n[^]*\n-two\n\+TWO\n\+three\n$/)
  assert.match(of(diff, "src/main.cpp").patch, /--- \/dev\/null\n\+\+\+ b\/src\/main\.cpp\n@@ -0,0 \+1,1 @@\n\+int main\(\) \{\}\n$/)
  const raw = await api.get("/vcs/diff/raw")
  assert.match(raw.headers.get("content-type"), /^text\/x-diff/)
  assert.match(raw.body, /\+TWO/)
  assert.equal((await api.get("/vcs/diff")).status, 400)
  assert.equal((await api.get("/vcs/diff?mode=x")).status, 400)
  assert.deepEqual(
    (await api.get("/file/status")).body.find((f) => f.path === "a.txt"),
    { path: "a.txt", added: 2, removed: 1, status: "modified" },
  )
})

test("a branch is compared with where it left the default one", async () => {
  git(world.directory, "checkout", "-q", "-b", "work")
  git(world.directory, "commit", "-q", "-am", "on the branch")
  assert.deepEqual((await api.get("/vcs")).body, { branch: "work", default_branch: "main" })
  assert.equal((await api.get("/vcs/diff?mode=git")).body.some((c) => c.file === "a.txt"), false)
  assert.equal((await api.get("/vcs/diff?mode=branch")).body.some((c) => c.file === "a.txt"), true)
})

test("outside a repository there is nothing to compare, but files to find", async () => {
  const plain = join(world.root, "plain")
  mkdirSync(join(plain, "sub"), { recursive: true })
  writeFileSync(join(plain, "sub/file.txt"), "hello\n")
  const at = `directory=${encodeURIComponent(plain)}`
  assert.deepEqual((await api.get(`/vcs?${at}`)).body, {})
  assert.deepEqual((await api.get(`/vcs/status?${at}`)).body, [])
  assert.deepEqual((await api.get(`/find/file?query=file&${at}`)).body, ["sub/file.txt"])
  assert.equal((await api.get(`/file/content?path=../secret.txt&${at}`)).status, 403)
})
