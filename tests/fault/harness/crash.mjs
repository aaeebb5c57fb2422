// Scenarios that kill the server: at random moments, and at each failpoint.
import { execFileSync, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { client, makeWorld } from "../../support/server.mjs"
import { Ledger, sleep, warm } from "./ledger.mjs"
import { messageID, random } from "./random.mjs"
import { answerOne, startWork, task } from "./work.mjs"

const percentile = (list, part) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * part))] ?? 0

export function integrity(world) {
  const data = join(world.home, ".local/share")
  for (const file of ["quarterdeck/quarterdeck.db", "opencode/opencode.db"]) {
    if (!existsSync(join(data, file))) continue
    return execFileSync("sqlite3", [join(data, file), "PRAGMA integrity_check"], { encoding: "utf8" }).trim()
  }
  return "no database"
}

// Milliseconds that the server's loop was ready to run and had no processor.
function waitedForCpu(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6
  } catch {
    return 0
  }
}

// Kills, restarts and audits; the counts add up over the rounds.
class Crashes {
  constructor(world, peer) {
    this.world = world
    this.peer = peer
    this.ledger = new Ledger(world.directory)
    this.ready = []
    this.told = new Set()
    this.clean = []
    this.left = { messages: 0, tools: 0 }
    this.notes = []
    this.sum = { kills: 0, seen: 0, kept: 0, lostText: 0, staleMessages: 0, staleTools: 0, lostOutput: 0, interrupted: 0, lostRequests: 0 }
  }

  async start(env) {
    const began = Date.now()
    this.server = await this.world.serve({ env, args: this.peer ? ["--hostname", "127.0.0.1"] : [] })
    this.api = client(this.server.url)
    // Ready is when it answers.
    await this.api.get("/session/status")
    this.ready.push(Date.now() - began)
    this.stream = await this.ledger.watch(this.server.url)
    // When it ended, if it does so by itself: what is done with it afterwards takes time too.
    this.ended = undefined
    this.stream.done.finally(() => (this.ended = Date.now()))
  }

  // Kills the server, if it still lives, and answers when that was.
  async die() {
    const killed = Date.now()
    await this.server?.kill()
    await this.stream?.done
    return Math.min(killed, this.ended ?? killed)
  }

  // What was broken, and where: enough to run that one again.
  note(what, where) {
    this.notes.push(`${where}: ${what}`)
  }

  // The calls whose results, as the model was told them, say that they were cut off. It remembers the newest requests only.
  async gather() {
    for (const request of await this.world.modelRequests()) {
      for (const said of (request.messages ?? request.body?.messages ?? [])) {
        if (said.role === "tool" && /interrupted|aborted/i.test(JSON.stringify(said.content))) this.told.add(said.tool_call_id)
      }
    }
  }

  // After a kill: starts again and looks at what is left, for 5 s at most.
  async audit(killed, where) {
    this.sum.kills++
    await this.gather()
    await this.start()
    if (this.peer) await warm(this.api)
    const text = await this.ledger.lostText(this.api, killed)
    this.sum.seen += text.seen
    this.sum.kept += text.kept
    this.sum.lostText += text.lost
    if (text.lost > 0) this.note(`${text.lost} characters`, where)
    const lost = await this.ledger.lostRequests(this.api)
    this.sum.lostRequests += lost.length
    if (lost.length) this.note(`${lost.length} requests`, where)
    for (const id of lost) this.ledger.asked.delete(id)
    const began = Date.now()
    const waitedBefore = waitedForCpu(this.server.pid)
    let stale
    // A look may take long when others have the processors: what it tells is from its beginning, and the time that the
    // server waited for a processor is not the server's.
    for (;;) {
      const looked = Date.now() - began
      const late = looked - (waitedForCpu(this.server.pid) - waitedBefore) >= 5000
      stale = await this.ledger.stale(this.api, killed)
      if (stale.messages + stale.tools === 0) this.clean.push(looked)
      if (stale.messages + stale.tools === 0 || late || looked > 60_000) break
      await sleep(50)
    }
    // A peer that leaves things open does so for good: what it had left is not counted again.
    const fresh = { messages: Math.max(0, stale.messages - this.left.messages), tools: Math.max(0, stale.tools - this.left.tools) }
    this.left = stale
    this.sum.staleMessages += fresh.messages
    this.sum.staleTools += fresh.tools
    if (fresh.messages + fresh.tools > 0) this.note(`${fresh.messages} open, ${fresh.tools} running`, where)
    const output = await this.ledger.lostOutput(this.api, killed)
    this.sum.interrupted += output.interrupted
    this.sum.lostOutput += output.lost
    if (output.lost) this.note(`${output.lost} partial outputs`, where)
    await this.ledger.settleSome(this.api)
    await this.gather()
  }

  async finish(metrics) {
    const idle = await this.ledger.settle(this.api, 60_000)
    await this.gather()
    const final = await this.ledger.final(this.api, this.told)
    await this.stream.close()
    await this.server.stop()
    const effects = this.ledger.effectsTwice()
    for (const note of final.notes) this.note(note, "at the end")
    const sum = this.sum
    metrics.info("kills", sum.kills)
    metrics.info("acknowledged prompts", this.ledger.prompts.length)
    metrics.zero("acknowledged prompts lost", final.lost)
    metrics.zero("prompts stored twice or changed", final.doubled)
    metrics.zero("sessions missing", final.missing)
    metrics.zero("acknowledged prompts without a finished answer", final.unanswered)
    metrics.info("streamed characters seen / kept", `${sum.seen} / ${sum.kept}`)
    metrics.zero("characters lost that were older than 250 ms", sum.lostText)
    metrics.zero("messages open 5 s after a restart, all restarts", sum.staleMessages)
    metrics.zero("tools running 5 s after a restart, all restarts", sum.staleTools)
    metrics.info("interrupted tools", sum.interrupted)
    metrics.zero("interrupted tools without their partial output", sum.lostOutput)
    metrics.zero("interrupted tools that the model was not told of", final.untold)
    metrics.info("side effects", effects.lines)
    metrics.zero("side effects that happened twice", effects.twice)
    metrics.zero("open permissions and questions lost", sum.lostRequests)
    metrics.info("sessions of subagents", final.children)
    metrics.zero("reports of background tasks missing or doubled", final.reports)
    metrics.zero("turns whose files are neither taken back nor there", final.halfUndone)
    metrics.zero("messages open at the end", final.open)
    metrics.zero("tools running at the end", final.running)
    metrics.check("idle within 60 s at the end", idle, true)
    metrics.info("ready after a kill, ms (median / worst)", `${percentile(this.ready, 0.5)} / ${percentile(this.ready, 1)}`)
    metrics.info("clean after a restart, ms (median / worst)", this.clean.length ? `${percentile(this.clean, 0.5)} / ${percentile(this.clean, 1)}` : "never")
    metrics.check("integrity of the database", integrity(this.world), "ok")
    if (this.notes.length) metrics.info("where", this.notes.slice(0, 20).join("; "))
  }
}

// What is taken back with a turn must not be the trace of another one's tool.
const kFiles = {
  "a.txt": "one\ntwo\n",
  "long.txt": `${`long ${"x".repeat(1500)}\n`.repeat(90)}`,
  ".gitignore": "effects.txt\n",
}

// kill -9 at random moments under a mixed load.
export async function load(metrics, { seed, rounds, count, peer }) {
  const choose = random(seed)
  const world = await makeWorld({ peer, files: kFiles })
  try {
    const crashes = new Crashes(world, peer)
    await crashes.start()
    await warm(crashes.api)
    for (let round = 0; round < rounds; round++) {
      const work = startWork(crashes.api, crashes.ledger, choose, { count, seed: `${seed}.${round}` })
      const wait = sleep(choose.below(choose.chance(0.3) ? 120 : 1800))
      await Promise.race([Promise.all([work, wait]), sleep(20_000)])
      if (choose.chance(0.5)) {
        await answerOne(crashes.api, crashes.ledger, choose)
        await sleep(choose.below(6))
      }
      const killed = await crashes.die()
      await work
      await crashes.audit(killed, `round ${round}`)
    }
    await crashes.finish(metrics)
  } finally {
    await world.close()
  }
}

// Those of opening for the first time, of migrations, backups and vacuum have tests of their own beside the store.
const kElsewhere = /^store\.(migration|backup|restore|vacuum|quarantine|reserve|open)|^output\.clean/

// Reached once in a start, or in the work of a start.
const kRare = /^(session\.recover|session\.revert|workspace\.restore|session\.delete|store\.(rollback|checkpoint|project)|file\.|output\.)/

const kSlow = /^(store\.checkpoint|output)/

// Holds a snapshot of the database for as long as it lives.
function readOn(world) {
  const child = spawn("sqlite3", [join(world.home, ".local/share/quarterdeck/quarterdeck.db")], { stdio: ["pipe", "ignore", "ignore"] })
  child.stdin.write("PRAGMA query_only=1; BEGIN; SELECT count(*) FROM event;\n")
  return child
}

export function failpoints(bin) {
  try {
    const list = execFileSync(bin, ["failpoints"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
    return list.trim().split("\n").map((line) => ({ name: line.split("\t")[0], fails: line.includes("\terror") }))
  } catch {
    return []
  }
}

// The server ends itself, or fails a step, at each named place.
export async function points(metrics, { seed, times, only, bin }) {
  const choose = random(seed)
  let list = failpoints(bin).filter((point) => !kElsewhere.test(point.name))
  if (Array.isArray(only)) list = list.filter((point) => only.some((name) => point.name.startsWith(name)))
  if (typeof only === "number") list = Array.from({ length: only }, () => list.splice(choose.below(list.length), 1)[0]).filter(Boolean)
  if (list.length === 0) return metrics.info("failpoints", "none in this build (use a dev, asan, tsan or fault build)")
  const world = await makeWorld({ files: kFiles })
  const reached = new Map()
  try {
    const crashes = new Crashes(world)
    for (const point of list) {
      for (let time = 0; time < times; time++) {
        const action = point.fails && choose.chance(0.4) ? "error" : "kill"
        const at = 1 + choose.below(kRare.test(point.name) ? 1 : 3)
        const before = point.name === "store.rollback" ? "store.commit.before:3:error," : ""
        const hit = await one(crashes, choose, {
          point: point.name,
          specification: `${before}${point.name}:${at}:${action}`,
          seed: `${seed}.${point.name}.${time}`,
          action,
        })
        reached.set(point.name, (reached.get(point.name) ?? 0) + hit)
      }
    }
    const silent = [...reached].filter(([, hits]) => hits === 0).map(([name]) => name)
    metrics.info("failpoints", `${reached.size}, ${times} times each`)
    metrics.info("not reached", silent.join(" ") || "none")
    await crashes.start()
    await crashes.finish(metrics)
  } finally {
    await world.close()
  }
}

async function one(crashes, choose, { point, specification, seed, action }) {
  let ended = false
  try {
    await crashes.start({ QUARTERDECK_FAILPOINT: specification })
  } catch {
    ended = true // already while it started
  }
  const began = Date.now()
  if (!ended) {
    crashes.server.ended.then(() => (ended = true))
    const work = startWork(crashes.api, crashes.ledger, choose, { count: 10, seed })
    // What the mixed load does not get to.
    const special = async (text, more = {}) => {
      const session = (await crashes.api.session({ title: "special" }).catch(() => null))?.id
      if (!session) return
      crashes.ledger.sessions.add(session)
      await crashes.ledger.prompt(crashes.api, session, messageID(), text, more)
    }
    if (point.startsWith("output")) await special(task("WORDS:8000"))
    // The log of the database is cut when it is long; somebody who reads lets it grow.
    const reader = point.startsWith("store.checkpoint") && readOn(crashes.world)
    for (let i = 0; reader && i < 6; i++) await special("x".repeat(5_000_000), { noReply: true })
    const patience = kSlow.test(point) ? 30_000 : 4000
    const gone = await crashes.api.post("/session", { title: "to be deleted" }).catch(() => null)
    await Promise.race([work, crashes.server.ended])
    if (gone?.body?.id) await crashes.api.delete(`/session/${gone.body.id}`).catch(() => null)
    while (!ended && Date.now() - began < (action === "error" ? 1500 : patience)) {
      await answerOne(crashes.api, crashes.ledger, choose)
      await sleep(30)
      const status = await crashes.api.get("/session/status").catch(() => ({ body: { gone: 1 } }))
      if (Object.keys(status.body).length === 0 && crashes.ledger.asked.size === 0) break
    }
    await Promise.race([work, sleep(5000)])
    if (reader) reader.kill("SIGKILL")
  }
  const hit = ended || crashes.server.output().includes(`failpoint ${point}:`) ? 1 : 0
  const killed = await crashes.die()
  await crashes.audit(killed, specification)
  // The next point starts from the server that is running now.
  await crashes.server.stop()
  await crashes.stream.done
  return hit
}
