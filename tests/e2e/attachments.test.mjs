// Files in prompts: texts are read when the prompt comes, images and documents go to models that can take them.
import assert from "node:assert/strict"
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { client, events, makeWorld } from "../support/server.mjs"

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
let world, server, api, url
before(async () => {
  world = await makeWorld({ files: { "a.txt": Array.from({ length: 20 }, (_, i) => `line${i + 1}\n`).join("") } })
  const file = join(world.directory, "opencode.json")
  const settings = JSON.parse(readFileSync(file, "utf8"))
  settings.provider.fake.models.sees = { ...settings.provider.fake.models.fake, name: "Sees", attachment: true }
  writeFileSync(file, JSON.stringify(settings))
  mkdirSync(join(world.directory, "sub dir"))
  writeFileSync(join(world.directory, "sub dir/x.txt"), "x")
  writeFileSync(join(world.directory, "i.png"), Buffer.from(png, "base64"))
  server = await world.serve()
  api = client(server.url)
  url = `file://${world.directory}`
})
after(() => world?.close())

const file = (mime, at, filename, more = {}) => ({ type: "file", mime, url: at, filename, ...more })
async function ask(part, model = "fake") {
  const { id } = await api.session()
  const answer = await api.prompt(id, "look", {
    model: { providerID: "fake", modelID: model },
    parts: [{ type: "text", text: "look" }, part],
  })
  if (answer.status !== 200) return { answer }
  const [prompt] = await api.messages(id)
  const requests = await world.modelRequests()
  const sent = requests.at(-1).messages.filter((m) => m.role === "user").at(-1).content
  return { answer, id, parts: prompt.parts.slice(1), sent: typeof sent === "string" ? sent : JSON.stringify(sent) }
}

test("a text file is read as if by the read tool", async () => {
  const source = { type: "file", path: "a.txt", text: { value: "@a.txt", start: 0, end: 6 } }
  const { parts, sent } = await ask(file("text/plain", `${url}/a.txt`, "a.txt", { source }))
  assert.deepEqual(parts.map((p) => [p.type, p.synthetic]), [["text", true], ["text", true], ["file", undefined]])
  assert.equal(parts[0].text, `Called the Read tool with the following input: {"filePath":"${world.directory}/a.txt"}`)
  assert.match(parts[1].text, /1: line1\n[^]*20: line20/)
  assert.deepEqual(parts[2].source, source)
  assert.match(sent, /line20/)
  assert.equal(sent.match(/line20/g).length, 1, "once")
})

test("lines of it, from one to another or to the end", async () => {
  const some = await ask(file("text/plain", `${url}/a.txt?start=3&end=5`, "a.txt"))
  assert.match(some.parts[0].text, /"offset":3,"limit":3}$/)
  assert.match(some.parts[1].text, /3: line3\n4: line4\n5: line5\n/)
  assert.doesNotMatch(some.parts[1].text, /line6|line2\n/)
  const rest = await ask(file("text/plain", `${url}/a.txt?start=18`, "a.txt"))
  assert.match(rest.parts[0].text, /"offset":18}$/)
})

test("a symbol is read from its first line to its last", async () => {
  const source = { type: "symbol", path: "a.txt", name: "f", kind: 12, range: { start: { line: 2, character: 0 }, end: { line: 5, character: 1 } }, text: { value: "@f", start: 0, end: 2 } }
  const { parts } = await ask(file("text/plain", `${url}/a.txt?start=3&end=3`, "a.txt", { source }))
  assert.match(parts[0].text, /"offset":3,"limit":4}$/)
})

test("a directory is listed, also when it is taken for a text", async () => {
  for (const mime of ["application/x-directory", "text/plain"]) {
    const { parts } = await ask(file(mime, `${url}/sub%20dir`, "sub dir"))
    assert.match(parts[1].text, /<type>directory<\/type>[^]*x\.txt/)
    assert.equal(parts[2].mime, "application/x-directory")
  }
})

test("a file that is not there is said to the model and to whoever listens", async () => {
  const stream = events(server.url)
  await stream.connected
  const { parts } = await ask(file("text/plain", `${url}/nope.txt`, "nope.txt"))
  assert.match(parts[1].text, /^Read tool failed to read .*nope\.txt with the following error: File not found/)
  assert.equal(parts.length, 2)
  await stream.until((e) => e.type === "session.error" && e.properties.error.data.message.includes("nope.txt"))
  stream.close()
})

test("an image goes to a model that sees, and is named to one that does not", async () => {
  const sees = await ask(file("image/png", `${url}/i.png`, "i.png"), "sees")
  assert.equal(sees.parts.at(-1).url, `data:image/png;base64,${png}`)
  assert.match(sees.sent, /image_url/)
  const blind = await ask(file("image/png", `data:image/png;base64,${png}`, "i.png"))
  assert.match(blind.sent, /Cannot read \\"i\.png\\" \(this model does not support image input\)/)
  assert.doesNotMatch(blind.sent, /image_url/)
  const empty = await ask(file("image/png", "data:image/png;base64,", "i.png"), "sees")
  assert.match(empty.sent, /empty or corrupted/)
})

test("a text as a data: URL is read too", async () => {
  const { parts, sent } = await ask(file("text/plain", "data:text/plain;base64,aGkK", "b.txt"))
  assert.equal(parts[1].text, "hi\n")
  assert.match(sent, /hi\\n/)
})

test("a file that is too large is refused with its place", async () => {
  writeFileSync(join(world.directory, "large.png"), "")
  truncateSync(join(world.directory, "large.png"), 21 * 1024 * 1024)
  const { answer } = await ask(file("image/png", `${url}/large.png`, "large.png"))
  assert.equal(answer.status, 413)
  assert.match(JSON.stringify(answer.body), /large\.png is larger than 20 MB/)
})
