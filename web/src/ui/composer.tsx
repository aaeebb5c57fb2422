// Where a person writes: queue, steer or interrupt; files, @file and /command; model and agent. Half-written text stays.
import { createEffect, createSignal, For, onMount, Show } from "solid-js"
import { get, post } from "../data/http"
import { type Mode, send, statusOf } from "../data/roster"
import type { Agent, Session } from "../data/types"
import { type Attachment, Attachments, readFiles } from "./attachments"
import { Icon } from "./icons"
import { attempt, say } from "./notice"

interface Command {
  name: string
  description?: string
}
interface ModelChoice {
  providerID: string
  modelID: string
  name: string
}
interface Completion {
  label: string
  detail?: string
  insert: string
}

const draftKey = (id: string) => `quarterdeck.draft.${id}`
const newKey = () => `web-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2) + Date.now()}`

export async function loadModels(directory?: string): Promise<ModelChoice[]> {
  const found = await get<{ providers: { id: string; name: string; models: Record<string, { id: string; name: string }> }[] }>("/config/providers", { directory })
  return found.providers.flatMap((provider) =>
    Object.values(provider.models).map((model) => ({ providerID: provider.id, modelID: model.id, name: `${model.name || model.id} · ${provider.name}` })),
  )
}
export const loadAgents = async (directory?: string) =>
  (await get<(Agent & { hidden?: boolean })[]>("/agent", { directory })).filter((each) => each.mode !== "subagent" && !each.hidden)

export function Composer(props: { session: Session; insert?: string; onInserted?: () => void; onSent?: () => void; focus?: boolean }) {
  const id = () => props.session.id
  const [text, setText] = createSignal(localStorage.getItem(draftKey(id())) ?? "")
  const [files, setFiles] = createSignal<Attachment[]>([])
  const [mode, setMode] = createSignal<Mode>("queue")
  const [busy, setBusy] = createSignal(false)
  const [choices, setChoices] = createSignal<Completion[]>([])
  const [at, setAt] = createSignal(0)
  const [models, setModels] = createSignal<ModelChoice[]>()
  const [agents, setAgents] = createSignal<Agent[]>([])
  const [model, setModel] = createSignal("")
  const [agent, setAgent] = createSignal("")
  const [more, setMore] = createSignal(false)
  let box!: HTMLTextAreaElement
  let picker!: HTMLInputElement
  let commands: Promise<Command[]> | undefined
  let lookup = 0
  let key = newKey()

  const working = () => Boolean(statusOf(id()))
  const directory = () => props.session.directory

  const change = (value: string) => {
    setText(value)
    if (value) localStorage.setItem(draftKey(id()), value)
    else localStorage.removeItem(draftKey(id()))
  }
  const grow = () => {
    box.style.height = "auto"
    box.style.height = `${Math.min(box.scrollHeight + 2, window.innerHeight * 0.4)}px`
  }
  createEffect(() => {
    text()
    queueMicrotask(grow)
  })
  createEffect(() => {
    const more = props.insert
    if (!more) return
    change(text() ? `${text()}\n${more}` : more)
    props.onInserted?.()
    box.focus()
  })
  onMount(() => props.focus && box.focus())

  // What is being typed before the caret: @part-of-a-path, or /command at the very start.
  const complete = async () => {
    const ticket = ++lookup
    const before = box.value.slice(0, box.selectionStart)
    const file = /(?:^|\s)@([^\s@]*)$/.exec(before)
    const command = /^\/([\w-]*)$/.exec(before)
    let found: Completion[] = []
    if (file) {
      const names = await get<string[]>("/find/file", { directory: directory(), query: { query: file[1] ?? "", limit: 8 } }).catch(() => [])
      found = names.map((name) => ({ label: name, insert: `@${name} ` }))
    } else if (command) {
      commands ??= get<Command[]>("/command", { directory: directory() }).catch(() => [])
      const word = command[1]!.toLowerCase()
      found = (await commands)
        .filter((each) => each.name.toLowerCase().includes(word))
        .slice(0, 8)
        .map((each) => ({ label: `/${each.name}`, insert: `/${each.name} `, ...(each.description ? { detail: each.description } : {}) }))
    }
    if (ticket !== lookup) return
    setChoices(found)
    setAt(0)
  }
  const take = (choice: Completion) => {
    const before = box.value.slice(0, box.selectionStart).replace(/(@[^\s@]*|\/[\w-]*)$/, choice.insert)
    change(before + box.value.slice(box.selectionStart))
    setChoices([])
    box.focus()
    queueMicrotask(() => box.setSelectionRange(before.length, before.length))
  }

  const submit = async (how: Mode) => {
    const words = text().trim()
    if ((!words && !files().length) || busy()) return
    setBusy(true)
    const done = await attempt(async () => {
      const command = /^\/([\w-]+)\s*([\s\S]*)$/.exec(words)
      const known = command && (await (commands ??= get<Command[]>("/command", { directory: directory() }))).some((each) => each.name === command[1])
      if (command && known) {
        // The answer comes when the turn ends; the transcript shows it meanwhile.
        void attempt(() => post(`/session/${id()}/command`, { command: command[1], arguments: command[2] ?? "", ...(agent() ? { agent: agent() } : {}) }))
        return { queued: false, ahead: 0 }
      }
      const chosen = models()?.find((each) => `${each.providerID}/${each.modelID}` === model())
      const mentions = [...new Set([...words.matchAll(/(?:^|\s)@(\S+)/g)].map((each) => each[1]!.replace(/[.,;:!?)]+$/, "")))]
      const parts = [
        ...(words ? [{ type: "text", text: words }] : []),
        ...(await existing(mentions)),
        ...files().map((file) => ({ type: "file", ...file })),
      ]
      return send(id(), how, { parts, ...(agent() ? { agent: agent() } : {}), ...(chosen ? { model: { providerID: chosen.providerID, modelID: chosen.modelID } } : {}) }, key)
    })
    setBusy(false)
    if (!done) return
    key = newKey()
    change("")
    setFiles([])
    setChoices([])
    if (done.queued && how === "queue") say(done.ahead ? `Queued behind ${done.ahead}` : "Queued: it runs when this turn ends")
    props.onSent?.()
  }
  // Of what was written with @, the files that there are.
  const existing = async (names: string[]) => {
    const parts: { type: string; mime: string; filename: string; url: string }[] = []
    for (const name of names.slice(0, 20)) {
      const found = await get<string[]>("/find/file", { directory: directory(), query: { query: name, limit: 3 } }).catch((): string[] => [])
      if (!found.includes(name)) continue
      parts.push({ type: "file", mime: name.endsWith("/") ? "application/x-directory" : "text/plain", filename: name, url: `file://${directory()}/${name}` })
    }
    return parts
  }

  const onKey = (event: KeyboardEvent) => {
    if (event.isComposing) return
    if (choices().length) {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
      if (by) {
        event.preventDefault()
        setAt((at() + by + choices().length) % choices().length)
        return
      }
      if (event.key === "Enter" || event.key === "Tab") {
        event.preventDefault()
        take(choices()[at()]!)
        return
      }
      if (event.key === "Escape") {
        event.preventDefault()
        setChoices([])
        return
      }
    }
    if (event.key === "Escape") return box.blur()
    // On a phone Enter is a new line: there is a button.
    const touch = matchMedia("(pointer: coarse)").matches
    if (event.key === "Enter" && ((!event.shiftKey && !touch) || event.metaKey || event.ctrlKey)) {
      event.preventDefault()
      void submit((event.metaKey || event.ctrlKey) && event.shiftKey ? "steer" : mode())
    }
  }
  const openMore = () => {
    setMore(!more())
    if (!models()) {
      void loadModels(directory()).then(setModels, () => setModels([]))
      void loadAgents(directory()).then(setAgents, () => undefined)
    }
  }
  const sendWord = () => (!working() ? "Send" : { queue: "Queue", steer: "Steer", interrupt: "Interrupt" }[mode()])
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        void submit(mode())
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault()
        void readFiles(event.dataTransfer?.files ?? []).then((found) => setFiles([...files(), ...found]))
      }}
    >
      <Show when={choices().length}>
        <ul class="completions" id="completions" role="listbox" aria-label="Completions">
          <For each={choices()}>
            {(choice, index) => (
              <li id={`completion-${index()}`} role="option" aria-selected={index() === at()} onPointerDown={(event) => (event.preventDefault(), take(choice))}>
                <span class="mono">{choice.label}</span>
                <span class="quiet">{choice.detail}</span>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Attachments files={files()} remove={(gone) => setFiles(files().filter((file) => file !== gone))} />
      <Show when={more()}>
        <div class="pickers">
          <label>
            Model
            <select value={model()} onChange={(event) => setModel(event.currentTarget.value)}>
              <option value="">{props.session.model ? `As before (${props.session.model.id})` : "Default"}</option>
              <For each={models() ?? []}>{(each) => <option value={`${each.providerID}/${each.modelID}`}>{each.name}</option>}</For>
            </select>
          </label>
          <label>
            Agent
            <select value={agent()} onChange={(event) => setAgent(event.currentTarget.value)}>
              <option value="">{props.session.agent ? `As before (${props.session.agent})` : "Default"}</option>
              <For each={agents()}>{(each) => <option value={each.name}>{each.name}</option>}</For>
            </select>
          </label>
        </div>
      </Show>
      <div class="composer-row">
        <button type="button" class="ghost" aria-label="Attach a file" title="Attach a file" onClick={() => picker.click()}>
          <Icon name="clip" />
        </button>
        <button type="button" class="ghost" aria-label="Model and agent" aria-expanded={more()} title="Model and agent" onClick={openMore}>
          <Icon name="gear" />
        </button>
        <input ref={picker} type="file" multiple hidden onChange={(event) => void readFiles(event.currentTarget.files ?? []).then((found) => setFiles([...files(), ...found]))} />
        <textarea
          ref={box}
          rows="1"
          aria-label="Message"
          aria-autocomplete="list"
          aria-controls={choices().length ? "completions" : undefined}
          aria-activedescendant={choices().length ? `completion-${at()}` : undefined}
          placeholder={working() ? "Say something while it works…" : "Message…  @ file, / command"}
          value={text()}
          onInput={(event) => {
            change(event.currentTarget.value)
            void complete()
          }}
          onKeyDown={onKey}
          onBlur={() => setTimeout(() => setChoices([]), 150)}
          onPaste={(event) => {
            const pasted = [...(event.clipboardData?.files ?? [])]
            if (!pasted.length) return
            event.preventDefault()
            void readFiles(pasted).then((found) => setFiles([...files(), ...found]))
          }}
        />
        <span class="spacer" />
        <Show when={working()}>
          <select class="mode" aria-label="When" title="Queue: after this turn. Steer: after the current tool. Interrupt: now." value={mode()} onChange={(event) => setMode(event.currentTarget.value as Mode)}>
            <option value="queue">Queue</option>
            <option value="steer">Steer</option>
            <option value="interrupt">Interrupt</option>
          </select>
        </Show>
        <button class="primary send" aria-label={sendWord()} disabled={busy() || (!text().trim() && !files().length)}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  )
}
