// A mixed load: streams, tools that leave a trace, permissions, queued prompts, shells.
import { messageID } from "./random.mjs"

let effect = 0

const tool = (command) => `TOOL:[["bash",${JSON.stringify({ command, description: "leaves a trace" })}]]`
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
  await Promise.all(Array.from({ length: count }, (_, i) => one(i < names.length ? names[i] : choose.pick(names))))
}

// One request is answered, as a person would.
export async function answerOne(api, ledger, choose) {
  const open = [...ledger.asked.keys()]
  if (open.length === 0) return
  const id = choose.pick(open)
  const answer = await api.post(`/permission/${id}/reply`, { reply: "once" }).catch(() => null)
  // Whether it was acknowledged or not: from here on it may be answered.
  ledger.asked.delete(id)
  return answer?.status === 200 ? id : undefined
}
