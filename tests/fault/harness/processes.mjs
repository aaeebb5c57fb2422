// Commands that try to outlive their session, and a server that is told to stop.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { sanitized } from "../../support/sanitized.mjs"
import { client, eventually, makeWorld } from "../../support/server.mjs"
import { sleep, toolsOf, warm } from "./ledger.mjs"

const kShapes = {
  setsid: "setsid sleep 300 &",
  "double fork": "( ( sleep 300 & ) & );",
  nohup: "nohup sleep 300 >/dev/null 2>&1 &",
  "ignores TERM": "trap '' TERM; sleep 300 &",
  stopped: "sleep 300 & until grep -q sleep /proc/$!/comm; do sleep 0.01; done; kill -STOP $!;",
  pipe: "sleep 300 | sleep 300 | cat &",
  "closed stdio": "sleep 300 <&- >&- 2>&- &",
  background: "sleep 300 & sleep 300 &",
}

const bash = (command, more = {}) => `TOOL:[["bash",${JSON.stringify({ command, description: "is nasty", ...more })}]]`

// Processes whose environment holds the mark.
function alive(mark) {
  const found = []
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue
    try {
      if (readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark)) found.push(Number(pid))
    } catch {}
  }
  return found
}

async function nobodyAfter2s(mark) {
  const began = Date.now()
  while (alive(mark).length > 0 && Date.now() - began < 2000) await sleep(20)
  const left = alive(mark)
  for (const pid of left) process.kill(pid, "SIGKILL")
  return left.length
}

const spawnerOf = (pid) => {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8")
      if (stat.includes("(qd-spawner)") && Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]) === pid) return Number(entry)
    } catch {}
  }
}

const bytesBelow = (directory) =>
  existsSync(directory)
    ? readdirSync(directory, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile())
        .reduce((sum, entry) => sum + (statSync(join(entry.path ?? entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0), 0)
    : 0

const rss = (pid) => Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1] ?? 0) * 1024

export async function processes(metrics, { peer, seed }) {
  const world = await makeWorld({ peer })
  try {
    let server = await world.serve()
    let api = client(server.url)
    let run = 0
    // All shapes at once, each in its session; returns when each runs.
    const start = async (how, tail = "sleep 300", more = {}) => {
      const mark = `QD_FAULT_${process.pid}_${seed}_${++run}_`
      const sessions = []
      for (const [name, leaves] of Object.entries(kShapes)) {
        const id = (await api.session({ title: `${how} ${name}` })).id
        const own = `${mark}${name.replace(" ", "_")};`
        sessions.push({ id, name, own })
        await api.promptAsync(id, bash(`export QD_MARK='${own}'; ${leaves} ${tail}`, more))
      }
      for (const each of sessions) await eventually(() => alive(each.own).length > 0, 30_000).catch(() => Promise.reject(new Error(`${how}: ${each.name} does not run`)))
      await sleep(150)
      return { mark, sessions }
    }

    let { mark, sessions } = await start("abort")
    let worst = 0
    for (const each of sessions) {
      const began = performance.now()
      await api.post(`/session/${each.id}/abort`)
      worst = Math.max(worst, performance.now() - began)
    }
    metrics.zero("abort: processes alive after 2 s", await nobodyAfter2s(mark))
    metrics.most("abort: slowest call, ms", Math.round(worst), 100)

    ;({ mark, sessions } = await start("timeout", "sleep 300", { timeout: 1500 }))
    await eventually(async () => {
      const status = (await api.get("/session/status")).body
      return sessions.every((each) => !status[each.id])
    }, 15_000).catch(() => null)
    metrics.zero("timeout: processes alive after 2 s", await nobodyAfter2s(mark))

    ;({ mark, sessions } = await start("delete"))
    await Promise.all(sessions.map((each) => api.delete(`/session/${each.id}`)))
    metrics.zero("delete: processes alive after 2 s", await nobodyAfter2s(mark))

    // What a command left in the background lives on with its session, and dies with it.
    ;({ mark, sessions } = await start("delete later", "true"))
    await Promise.all(sessions.map((each) => api.delete(`/session/${each.id}`)))
    metrics.zero("delete, background children of ended commands: alive after 2 s", await nobodyAfter2s(mark))

    ;({ mark } = await start("SIGTERM"))
    const began = Date.now()
    await server.stop()
    metrics.most("SIGTERM: exit, ms", Date.now() - began, 5000)
    metrics.zero("SIGTERM: processes alive after 2 s", await nobodyAfter2s(mark))

    server = await world.serve()
    api = client(server.url)
    await Promise.all((await api.get("/session")).body.map((each) => api.delete(`/session/${each.id}`)))
    ;({ mark } = await start("kill -9"))
    await server.kill()
    metrics.zero("kill -9: processes alive after 2 s", await nobodyAfter2s(mark))

    server = await world.serve()
    api = client(server.url)
    await Promise.all((await api.get("/session")).body.map((each) => api.delete(`/session/${each.id}`)))
    const tool = async (command, more) => {
      const id = (await api.session({ title: "tool" })).id
      const asked = Date.now()
      await api.post(`/session/${id}/message`, { parts: [{ type: "text", text: bash(command, more) }] })
      const part = (await api.messages(id)).flatMap(toolsOf)[0]
      return { id, part, took: Date.now() - asked, ran: part.state.time.end - part.state.time.start }
    }
    const left = await tool(`export QD_MARK='${mark}bg;'; sleep 15 & echo started`, { timeout: 20_000 })
    metrics.most("a command that leaves a background child returns after, ms", left.ran, 1000)
    await api.delete(`/session/${left.id}`)
    await nobodyAfter2s(mark)

    const before = rss(server.pid)
    const disk = bytesBelow(world.home)
    let peak = before
    const watch = setInterval(() => (peak = Math.max(peak, rss(server.pid))), 50)
    await tool("yes 'a line of a flood of output' | head -c 200000000", { timeout: 60_000 })
    clearInterval(watch)
    metrics.most("200 MB of output: on disk, MB", Math.round((bytesBelow(world.home) - disk) / 1e6), 80)
    if (!sanitized) metrics.most("200 MB of output: memory, MB more", Math.round((peak - before) / 1e6), 64)

    if (!peer) {
      ;({ mark } = await start("spawner"))
      process.kill(spawnerOf(server.pid), "SIGKILL")
      metrics.zero("killed spawner: processes alive after 2 s", await nobodyAfter2s(mark))
      const next = await tool("echo works again")
      metrics.check("killed spawner: the next command", next.part.state.output?.trim(), "works again")

      // Stopped, it neither starts a command nor ends one.
      await api.promptAsync((await api.session({ title: "stuck" })).id, bash("sleep 300"))
      await eventually(() => spawnerOf(server.pid))
      const spawner = spawnerOf(server.pid)
      process.kill(spawner, "SIGSTOP")
      await api.promptAsync((await api.session({ title: "stuck" })).id, bash("true"))
      await sleep(300)
      const stopping = Date.now()
      await server.stop()
      metrics.most("SIGTERM with a stuck spawner: exit, ms", Date.now() - stopping, 5000)
      process.kill(spawner, "SIGCONT")
    }
  } finally {
    await world.close()
  }
}

export async function sigterm(metrics, { turns, peer }) {
  const world = await makeWorld({ peer })
  try {
    let server = await world.serve()
    let api = client(server.url)
    await warm(api)
    const sessions = []
    for (let i = 0; i < turns; i++) {
      const id = (await api.session({ title: `turn ${i}` })).id
      sessions.push(id)
      await api.promptAsync(id, i % 2 ? "SLOW:600:50" : bash(`echo turn-${i} >> effects.txt; sleep 30`))
    }
    const busy = async () => sessions.filter((id) => status[id]).length
    let status = {}
    await eventually(async () => ((status = (await api.get("/session/status")).body), (await busy()) === turns), 60_000).catch(() => null)
    metrics.info("turns running", await busy())
    const began = Date.now()
    await server.stop()
    metrics.most("exit, ms", Date.now() - began, 5000)
    const stopped = Date.now()
    server = await world.serve({ env: { QUARTERDECK_RECOVERY: "end" } })
    api = client(server.url)
    let open
    let running
    const look = async () => {
      open = running = 0
      for (const id of sessions) {
        for (const message of await api.messages(id)) {
          if (message.info.role !== "assistant" || message.info.time.created > stopped) continue
          if (!message.info.time.completed) open++
          running += toolsOf(message).filter((part) => ["pending", "running"].includes(part.state.status)).length
        }
      }
      return open + running === 0
    }
    await eventually(look, 5000).catch(() => null)
    metrics.zero("messages open 5 s after the restart", open)
    metrics.zero("tools running 5 s after the restart", running)
    await eventually(async () => Object.keys((await api.get("/session/status")).body).length === 0, 10_000).catch(() => null)
    let ended = 0
    for (const id of sessions) {
      const last = (await api.messages(id)).at(-1)
      if (last.info.role === "assistant" && last.info.time.completed && (last.info.error || last.info.finish)) ended++
    }
    metrics.check("turns that were ended or resumed", ended, turns)
    const lines = existsSync(join(world.directory, "effects.txt")) ? readFileSync(join(world.directory, "effects.txt"), "utf8").trim().split("\n") : []
    metrics.zero("side effects that happened twice", lines.length - new Set(lines).size)
  } finally {
    await world.close()
  }
}
