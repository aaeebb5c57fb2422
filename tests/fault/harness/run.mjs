// Runs scenarios against one server and puts the figures of several side by side.
import { again } from "./again.mjs"
import { clients } from "./clients.mjs"
import { load, points } from "./crash.mjs"
import { faults } from "./faults.mjs"
import { processes, sigterm } from "./processes.mjs"

const all = { load, points, again, clients, processes, sigterm, faults }
export const scenarios = Object.keys(all)
const defaults = { load: { rounds: 10 }, clients: { rounds: 20 } }

class Metrics {
  rows = []
  info(name, value) {
    this.rows.push({ name, value })
  }
  check(name, value, want) {
    this.rows.push({ name, value, want: String(want), ok: value === want })
  }
  zero(name, value) {
    this.check(name, value, 0)
  }
  most(name, value, limit) {
    this.rows.push({ name, value, want: `<= ${limit}`, ok: value <= limit })
  }
}

export async function run(names, options) {
  const results = []
  for (const name of names) {
    if (name === "points" && options.peer) continue // they are compiled into our builds only
    const metrics = new Metrics()
    const began = Date.now()
    const rounds = options.rounds ?? defaults[name]?.rounds
    try {
      await all[name](metrics, { ...options, rounds })
    } catch (error) {
      metrics.rows.push({ name: "the scenario itself", value: String(error?.message ?? error).split("\n")[0], want: "ends", ok: false })
      if (process.env.FAULT_TRACE) console.error(error)
    }
    metrics.info("took, s", Math.round((Date.now() - began) / 1000))
    results.push({ scenario: name, rows: metrics.rows })
    console.error(`${options.peer ?? options.bin}: ${name}: ${metrics.rows.filter((r) => r.ok === false).length} broken`)
  }
  return results
}

export function table(columns) {
  const lines = [["scenario", "what", "wanted", ...columns.map((c) => c.name)]]
  for (const { scenario } of columns[0]?.results ?? []) {
    const names = []
    for (const column of columns) {
      for (const row of column.results.find((r) => r.scenario === scenario)?.rows ?? []) {
        if (!names.includes(row.name)) names.push(row.name)
      }
    }
    for (const name of names) {
      const cells = columns.map((column) => column.results.find((r) => r.scenario === scenario)?.rows.find((r) => r.name === name))
      lines.push([scenario, name, cells.find(Boolean)?.want ?? "", ...cells.map((cell) => (cell ? `${cell.value}${cell.ok === false ? " ✗" : ""}` : "–"))])
    }
  }
  return lines.flatMap((line, i) => [`| ${line.join(" | ")} |`, ...(i === 0 ? [`|${" --- |".repeat(line.length)}`] : [])]).join("\n")
}
