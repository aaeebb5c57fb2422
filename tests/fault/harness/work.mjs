// A mixed load: streams, tools that leave a trace, permissions, questions, queued prompts, subagents that are awaited and
// in the background, outputs that are kept in files, turns that are taken back.
import { reply } from "./ledger.mjs"
import { messageID } from "./random.mjs"

let effect = 0

const call = (name, args) => `TOOL:${JSON.stringify([[name, args]])}`
const tool = (command) => call("bash", { command, description: "leaves a trace" })
export const task = (prompt, more = {}) => call("task", { description: "a part of the work", prompt, subagent_type: "general", ...more })
const kQuestion = { question: "Which one?", header: "Choice", options: [{ label: "A", description: "a" }, { label: "B", description: "b" }] }
const trace = (seed) => `${seed}-${++effect}`

const kinds = {
  stream: async (api, ledger, session) => ledger.prompt(api, session, messageID(), "SLOW:150:10"),
  tools: async (api, ledger, session, seed) => {
    const steps = [0, 1].map(() => {
      const line = trace(seed)
      return tool(`echo ${line} >> effects.txt; echo partial-${line}; sleep 0.4; echo end`)
    })
    return ledger.prompt(api, session, messageID(), steps.join("\n"))
  },
  ask: async (api, ledger, session, seed) =>
    ledger.prompt(api, session, messageID(), tool(`echo ${trace(seed)} >> effects.txt; sleep 0.2`)),
  queue: async (api, ledger, session) => {
    for (let i = 0; i < 3; i++) await ledger.prompt(api, session, messageID(), i === 0 ? "SLOW:20:10" : `WORDS:${3 + i}`)
  },
  question: async (api, ledger, session) =>
    ledger.prompt(api, session, messageID(), call("question", { questions: [kQuestion] })),
  task: async (api, ledger, session, seed) =>
    ledger.prompt(api, session, messageID(), task(`${tool(`echo ${trace(seed)} >> effects.txt; sleep 0.2`)}\nSLOW:30:10`)),
  background: async (api, ledger, session) =>
    ledger.prompt(api, session, messageID(), task("SLOW:60:10", { background: true })),
  // 130 KB of output.
  flood: async (api, ledger, session) =>
    ledger.prompt(api, session, messageID(), call("grep", { pattern: "long", path: "long.txt" })),
  undo: async (api, ledger, session) => {
    const id = messageID()
    const file = `undo-${session}.txt`
    const text = call("write", { filePath: file, content: "written\n" })
    const answer = await api.prompt(session, text, { messageID: id }).catch(() => null)
    if (answer?.status !== 200) return
    ledger.prompts.push({ session, id, text, answered: true })
    ledger.undone.set(session, file)
    await api.post(`/session/${session}/revert`, { messageID: id }).catch(() => null)
    await api.post(`/session/${session}/unrevert`).catch(() => null)
  },
  quick: async (api, ledger, session) => ledger.prompt(api, session, messageID(), "WORDS:5"),
}

// Starts `count` sessions' work and returns when each prompt was acknowledged or refused.
export async function startWork(api, ledger, choose, { count, seed }) {
  const names = Object.keys(kinds)
  const one = async (name) => {
    const rules = name === "ask" ? { permission: [{ permission: "bash", pattern: "*", action: "ask" }] } : {}
    const made = await api.post("/session", { title: `${name} ${seed}`, ...rules }).catch(() => null)
    if (made?.status !== 200) return
    ledger.sessions.add(made.body.id)
    await kinds[name](api, ledger, made.body.id, seed)
  }
  // Each kind in turn: with enough rounds or sessions all of them.
  const first = choose.below(names.length)
  await Promise.all(Array.from({ length: count }, (_, i) => one(names[(first + i) % names.length])))
}

// One request is answered, as a person would.
export async function answerOne(api, ledger, choose) {
  const open = [...ledger.asked.keys()]
  if (open.length === 0) return
  const id = choose.pick(open)
  const answer = await reply(api, ledger.asked.get(id)).catch(() => null)
  // Whether it was acknowledged or not: from here on it may be answered.
  ledger.asked.delete(id)
  return answer?.status === 200 ? id : undefined
}
