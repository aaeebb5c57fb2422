// The fault harness. `script/fault --help` says how to use it.
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"

const usage = `Kills, aborts and overloads a server, and counts what was promised and not kept.

  script/fault [options]
    --scenario a,b   of: load points again clients processes sigterm faults   (default: all; faults takes minutes)
    --seed N         the same seed makes the same choices (default 1)
    --rounds N       kills of \`load\` (default 10), prompts a client of \`clients\` (default 20)
    --count N        sessions with work a round of \`load\` (default 7)
    --points a,b     \`points\`: names or beginnings of names (default: all that a running server reaches), or a number:
                     so many, chosen by the seed.  \`quarterdeck failpoints\` lists them
    --times N        each point so often (default 1)
    --clients N      of \`clients\` (default 10)
    --turns N        running turns of \`sigterm\` (default 100)
    --deadline N     seconds that \`faults\` waits (default 600)
    --silence N      seconds after which our server gives up a silent model in \`faults\` (default 60, as always)
    --bin FILE       the server (default build/dev/quarterdeck; any build: debug, asan, tsan, fault, release)
    --peer FILE      another server that takes OpenCode's place beside it; "opencode" is the one of tests/e2e
    --only-peer      do not run our own
    --json FILE      the figures as JSON
`

const { values } = parseArgs({
  options: {
    scenario: { type: "string" },
    seed: { type: "string", default: "1" },
    rounds: { type: "string" },
    count: { type: "string", default: "10" },
    points: { type: "string" },
    times: { type: "string", default: "1" },
    clients: { type: "string", default: "10" },
    turns: { type: "string", default: "100" },
    deadline: { type: "string", default: "600" },
    silence: { type: "string", default: "0" },
    bin: { type: "string", default: process.env.QUARTERDECK_BIN ?? "build/dev/quarterdeck" },
    peer: { type: "string" },
    "only-peer": { type: "boolean" },
    json: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}

const number = (name) => {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= 0) return value
  console.error(`fault: --${name} expects a number, got "${values[name]}"`)
  process.exit(2)
}
process.env.QUARTERDECK_BIN = resolve(values.bin)
const { scenarios, run, table } = await import("./run.mjs")
const wanted = values.scenario?.split(",") ?? scenarios
for (const name of wanted) {
  if (scenarios.includes(name)) continue
  console.error(`fault: there is no scenario "${name}"; there are ${scenarios.join(", ")}`)
  process.exit(2)
}
const peer = values.peer === "opencode" ? join(import.meta.dirname, "../../e2e/node_modules/.bin/opencode") : values.peer
const options = {
  seed: number("seed"),
  rounds: values.rounds === undefined ? undefined : number("rounds"),
  count: number("count"),
  only: values.points === undefined ? undefined : /^\d+$/.test(values.points) ? number("points") : values.points.split(","),
  times: number("times"),
  clients: number("clients"),
  turns: number("turns"),
  deadline: number("deadline"),
  silence: number("silence"),
  bin: process.env.QUARTERDECK_BIN,
}
const columns = []
if (!values["only-peer"]) columns.push({ name: "quarterdeck", results: await run(wanted, options) })
if (peer) columns.push({ name: values.peer, results: await run(wanted, { ...options, peer: resolve(peer) }) })
console.log(table(columns))
if (values.json) {
  const { writeFileSync } = await import("node:fs")
  writeFileSync(values.json, JSON.stringify({ options: { ...options, peer }, columns }, null, 1))
}
const failed = values["only-peer"] ? 0 : columns[0].results.flatMap((r) => r.rows).filter((row) => row.ok === false).length
console.log(`seed ${options.seed}: ${failed === 0 ? "everything kept" : `${failed} promises broken`}`)
process.exit(failed === 0 ? 0 : 1)
