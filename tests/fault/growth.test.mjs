// What a server keeps is bounded while it works: the log of its database, its own log, the rest beside the database.
// QD_GROWTH_MB says how much is written (default 96).
import assert from "node:assert/strict"
import { existsSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { client, makeWorld } from "../support/server.mjs"

const megabytes = Number(process.env.QD_GROWTH_MB ?? 96)
const kPiece = 4_000_000

const bytesBelow = (directory) =>
  !existsSync(directory)
    ? 0
    : readdirSync(directory, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile())
        .reduce((sum, entry) => sum + (statSync(join(entry.parentPath ?? entry.path, entry.name), { throwIfNoEntry: false })?.size ?? 0), 0)

test(`${megabytes} MB of prompts, with kills: the log of the database stays below 64 MB, and what is deleted makes room`, { timeout: 600_000 }, async (t) => {
  const world = await makeWorld()
  try {
    const data = join(world.home, ".local/share/quarterdeck")
    const wal = () => statSync(join(data, "quarterdeck.db-wal"), { throwIfNoEntry: false })?.size ?? 0
    const beside = () => bytesBelow(data) - statSync(join(data, "quarterdeck.db")).size - wal()
    const rounds = 3
    let longest = 0
    let sizes = []
    for (let round = 0; round < rounds; round++) {
      const server = await world.serve()
      const api = client(server.url)
      const session = (await api.session()).id
      for (let written = 0; written < (megabytes * 1e6) / rounds; written += kPiece) {
        const answer = await api.prompt(session, "x".repeat(kPiece), { noReply: true })
        assert.equal(answer.status, 200, JSON.stringify(answer.body).slice(0, 200))
        longest = Math.max(longest, wal())
      }
      assert.equal((await api.prompt(session, 'TOOL:[["bash",{"command":"echo changed > file.txt","description":"d"}]]')).status, 200)
      assert.equal((await api.delete(`/session/${session}`)).status, 200)
      longest = Math.max(longest, wal())
      await server.kill()
      sizes.push(statSync(join(data, "quarterdeck.db")).size)
    }
    t.diagnostic(`log of the database at most ${(longest / 1e6).toFixed(1)} MB; the database after each kill ${sizes.map((size) => (size / 1e6).toFixed(1))} MB; beside it ${(beside() / 1e6).toFixed(1)} MB`)
    assert.ok(longest <= 64 * 1024 * 1024, `the log of the database had ${longest} bytes`)
    // Each round writes the same and deletes it: the room of the one before is used again.
    const once = (megabytes * 1e6) / rounds
    assert.ok(sizes.at(-1) <= 2 * once + 64e6, `the database has ${sizes} bytes`)
    // Its reserve for a full disk, its own log, snapshots.
    assert.ok(beside() <= 100e6, `${beside()} bytes beside the database`)
  } finally {
    await world.close()
  }
})
