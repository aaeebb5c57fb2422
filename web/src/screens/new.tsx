// New work, handed over: what should be done, where, how urgent, within what budget, by which agent and model.
import { createEffect, createMemo, createResource, createSignal, For, Show } from "solid-js"
import "../style/session.css"
import { get, patch, post } from "../data/http"
import { directories, projectName, send } from "../data/roster"
import type { FleetHandedOver, FleetHandoff, FleetSession, Priority } from "../data/types"
import { refsOf, SYSTEMS } from "../text/refs"
import { go, parameter, sessionPath } from "../route"
import { Attachments, readFiles } from "../ui/attachments"
import { loadAgents, loadModels } from "../ui/composer"
import { Icon } from "../ui/icons"
import { attempt } from "../ui/notice"

const DRAFT = "quarterdeck.draft.new"
const OTHER = "\0other"
const PRIORITIES: [Priority, string][] = [
  ["P0", "P0: now"],
  ["P1", "P1: soon"],
  ["P2", "P2: normal"],
  ["P3", "P3: when there is time"],
]

export default function NewWork() {
  const [text, setText] = createSignal(parameter("text") ?? localStorage.getItem(DRAFT) ?? "")
  const [chosen, setChosen] = createSignal(parameter("directory") ?? "")
  const [typed, setTyped] = createSignal("")
  const [agent, setAgent] = createSignal("")
  const [model, setModel] = createSignal("")
  const [files, setFiles] = createSignal<{ mime: string; filename: string; url: string }[]>([])
  const [busy, setBusy] = createSignal(false)
  const [priority, setPriority] = createSignal<Priority>("P2")
  const [budget, setBudget] = createSignal("")
  const [ownTree, setOwnTree] = createSignal(true)
  const [dropped, setDropped] = createSignal<string[]>([]) // refs that a person took away
  const [open, setOpen] = createSignal<FleetSession>() // works on one of them already
  const [home] = createResource(() => get<{ directory: string }>("/path"))
  const known = () => {
    const list = directories()
    const own = home()?.directory
    return own && !list.includes(own) ? [...list, own] : list
  }
  createEffect(() => {
    if (!chosen() && known().length) setChosen(known()[0]!)
  })
  const directory = () => (chosen() === OTHER ? typed().trim() : chosen())
  const place = () => (directory().startsWith("/") ? directory() : undefined)
  const [agents] = createResource(() => (chosen() === OTHER ? undefined : place()), (at) => loadAgents(at).catch(() => []))
  const [models] = createResource(() => (chosen() === OTHER ? undefined : place()), (at) => loadModels(at).catch(() => []))

  const change = (value: string) => {
    setText(value)
    localStorage.setItem(DRAFT, value)
  }
  const refs = createMemo(() => refsOf(text()).filter((each) => !dropped().includes(`${each.system} ${each.id}`)))
  const limit = () => Number(budget().replace(",", "."))
  const wrongBudget = () => budget().trim() !== "" && !(limit() > 0)

  // One key for one piece of work: what is sent twice, by a second tap or after a lost answer, begins one session.
  const key = `new-${crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`}`
  let sentBefore = ""
  const standing = () => ({ priority: priority(), ...(budget().trim() ? { budget: { cost_usd: limit() } } : {}) })
  const chosenModel = () => {
    const found = models()?.find((each) => `${each.providerID}/${each.modelID}` === model())
    return { ...(agent() ? { agent: agent() } : {}), ...(found ? { model: { providerID: found.providerID, modelID: found.modelID } } : {}) }
  }

  // Files go with the first message, which a handoff has none of: the same in steps.
  const beginWithFiles = async (once: string) => {
    const parts = [{ type: "text", text: text().trim() }, ...files().map((file) => ({ type: "file", ...file }))]
    const headers = (step: string) => ({ headers: { "idempotency-key": `${once}-${step}` } })
    const made = ownTree()
      ? await post<{ sessionID: string }>("/fleet/worktree", { directory: place(), title: text().trim().split("\n")[0]!.slice(0, 60) }, headers("tree")).then((each) => each.sessionID)
      : await post<{ id: string }>("/session", {}, { directory: place(), ...headers("session") }).then((each) => each.id)
    await patch(`/fleet/session/${made}`, standing(), headers("standing"))
    await send(made, "queue", { parts, ...chosenModel() }, `${once}-message`)
    return made
  }
  const handOver = async (once: string, fresh: boolean, again: boolean) => {
    const body: FleetHandoff = { request: text().trim(), refs: refs(), directory: place()!, ...standing(), ...chosenModel() }
    if (!ownTree()) body.in_place = true
    if (fresh) body.fresh = true
    const given = await post<FleetHandedOver>("/fleet/handoff", body, { headers: { "idempotency-key": once } })
    if (given.created || again) return given.sessionID
    setOpen(given.session)
    return undefined
  }
  const begin = async (event: Event | undefined, fresh = false) => {
    event?.preventDefault()
    if (!text().trim() || !place() || busy() || wrongBudget()) return
    setBusy(true)
    setOpen(undefined)
    // What is changed after a failure is another piece of work.
    const content = JSON.stringify([text(), refs(), place(), standing(), chosenModel(), ownTree(), files().length, fresh])
    const again = sentBefore === content
    if (sentBefore && !again) ++attempts
    sentBefore = content
    const once = `${key}-${attempts}`
    const made = await attempt(() => (files().length ? beginWithFiles(once) : handOver(once, fresh, again)))
    setBusy(false)
    if (!made) return
    localStorage.removeItem(DRAFT)
    go(sessionPath(made), "replace")
  }
  let attempts = 0
  let picker!: HTMLInputElement
  return (
    <main id="main" class="page">
      <h1>New work</h1>
      <form class="ask" onSubmit={begin}>
        <label class="field">
          What should be done?
          <textarea
            rows="7"
            value={text()}
            placeholder="The login test fails on Mondays. Find out why and fix it. Or paste an address of Linear, Sentry, Slack or GitHub."
            onInput={(event) => change(event.currentTarget.value)}
            onKeyDown={(event) => event.key === "Enter" && (event.metaKey || event.ctrlKey) && void begin(event)}
            ref={(element) => queueMicrotask(() => matchMedia("(pointer: fine)").matches && element.focus())}
          />
        </label>
        <Show when={refs().length}>
          <ul class="refs" aria-label="What it is about">
            <For each={refs()}>
              {(ref) => (
                <li>
                  <strong>{SYSTEMS[ref.system] ?? ref.system}</strong> <span>{ref.id}</span>
                  <button type="button" class="ghost" aria-label={`Not about ${ref.id}`} onClick={() => setDropped([...dropped(), `${ref.system} ${ref.id}`])}>
                    <Icon name="cross" />
                  </button>
                </li>
              )}
            </For>
          </ul>
        </Show>
        <Attachments files={files()} remove={(gone) => setFiles(files().filter((file) => file !== gone))} />
        <div class="fields">
          <label class="field">
            Project
            <select value={chosen()} onChange={(event) => setChosen(event.currentTarget.value)}>
              <For each={known()}>
                {(each) => (
                  <option value={each} selected={each === chosen()}>
                    {projectName(each)}: {each}
                  </option>
                )}
              </For>
              <option value={OTHER}>Another folder…</option>
            </select>
          </label>
          <Show when={chosen() === OTHER}>
            <label class="field">
              Folder on the server
              <input type="text" class="mono" placeholder="/home/me/project" value={typed()} onInput={(event) => setTyped(event.currentTarget.value)} />
            </label>
          </Show>
          <label class="field">
            Priority
            <select value={priority()} onChange={(event) => setPriority(event.currentTarget.value as Priority)}>
              <For each={PRIORITIES}>
                {([value, word]) => (
                  <option value={value} selected={value === priority()}>
                    {word}
                  </option>
                )}
              </For>
            </select>
          </label>
          <label class="field">
            Budget in US$
            <input type="text" inputmode="decimal" placeholder="none" value={budget()} aria-invalid={wrongBudget()} aria-describedby="budget-word" onInput={(event) => setBudget(event.currentTarget.value)} />
            <span id="budget-word" class="hint">
              {wrongBudget() ? "A number above 0, or nothing." : "At the limit it waits and asks for more."}
            </span>
          </label>
          <label class="field">
            Agent
            <select value={agent()} onChange={(event) => setAgent(event.currentTarget.value)}>
              <option value="">Default</option>
              <For each={agents() ?? []}>{(each) => <option value={each.name}>{each.name}</option>}</For>
            </select>
          </label>
          <label class="field">
            Model
            <select value={model()} onChange={(event) => setModel(event.currentTarget.value)}>
              <option value="">Default</option>
              <For each={models() ?? []}>{(each) => <option value={`${each.providerID}/${each.modelID}`}>{each.name}</option>}</For>
            </select>
          </label>
        </div>
        <label class="switch plain-switch">
          <input type="checkbox" checked={ownTree()} onChange={(event) => setOwnTree(event.currentTarget.checked)} />
          In a worktree and branch of its own, where the folder is in a git repository
        </label>
        <Show when={open()}>
          {(session) => (
            <div class="banner standing" role="alert">
              <span>
                Somebody works on this already: <a href={sessionPath(session().sessionID)}>{session().title}</a>
              </span>
              <button type="button" disabled={busy()} onClick={() => void begin(undefined, true)}>
                Start anyway
              </button>
            </div>
          )}
        </Show>
        <input ref={picker} type="file" multiple hidden onChange={(event) => void readFiles(event.currentTarget.files ?? []).then((found) => setFiles([...files(), ...found]))} />
        <div class="actions">
          <button type="button" onClick={() => picker.click()}>
            <Icon name="clip" /> Attach
          </button>
          <button class="primary big" disabled={busy() || !text().trim() || !place() || wrongBudget()}>
            {busy() ? "Starting…" : "Start"}
          </button>
        </div>
      </form>
    </main>
  )
}
