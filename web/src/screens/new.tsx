// New work: what should be done, where, by which agent and model.
import { createEffect, createResource, createSignal, For, Show } from "solid-js"
import "../style/session.css"
import { get, post } from "../data/http"
import { directories, projectName, send } from "../data/roster"
import type { Session } from "../data/types"
import { go, parameter, sessionPath } from "../route"
import { Attachments, readFiles } from "../ui/attachments"
import { loadAgents, loadModels } from "../ui/composer"
import { Icon } from "../ui/icons"
import { attempt } from "../ui/notice"

const DRAFT = "quarterdeck.draft.new"
const OTHER = "\0other"

export default function NewWork() {
  const [text, setText] = createSignal(parameter("text") ?? localStorage.getItem(DRAFT) ?? "")
  const [chosen, setChosen] = createSignal(parameter("directory") ?? "")
  const [typed, setTyped] = createSignal("")
  const [agent, setAgent] = createSignal("")
  const [model, setModel] = createSignal("")
  const [files, setFiles] = createSignal<{ mime: string; filename: string; url: string }[]>([])
  const [busy, setBusy] = createSignal(false)
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
  // One key for one piece of work: a tap that is sent twice begins one session.
  const key = `new-${crypto.randomUUID?.() ?? Date.now()}`
  const begin = async (event: Event) => {
    event.preventDefault()
    if (!text().trim() || !place() || busy()) return
    setBusy(true)
    const made = await attempt(async () => {
      const session = await post<Session>("/session", {}, { directory: place(), headers: { "idempotency-key": key } })
      const picked = models()?.find((each) => `${each.providerID}/${each.modelID}` === model())
      const parts = [{ type: "text", text: text().trim() }, ...files().map((file) => ({ type: "file", ...file }))]
      await send(session.id, "queue", { parts, ...(agent() ? { agent: agent() } : {}), ...(picked ? { model: { providerID: picked.providerID, modelID: picked.modelID } } : {}) }, `${key}-1`)
      return session
    })
    setBusy(false)
    if (!made) return
    localStorage.removeItem(DRAFT)
    go(sessionPath(made.id), "replace")
  }
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
            placeholder="The login test fails on Mondays. Find out why and fix it."
            onInput={(event) => change(event.currentTarget.value)}
            onKeyDown={(event) => event.key === "Enter" && (event.metaKey || event.ctrlKey) && void begin(event)}
            ref={(element) => queueMicrotask(() => matchMedia("(pointer: fine)").matches && element.focus())}
          />
        </label>
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
        <input ref={picker} type="file" multiple hidden onChange={(event) => void readFiles(event.currentTarget.files ?? []).then((found) => setFiles([...files(), ...found]))} />
        <div class="actions">
          <button type="button" onClick={() => picker.click()}>
            <Icon name="clip" /> Attach
          </button>
          <button class="primary big" disabled={busy() || !text().trim() || !place()}>
            {busy() ? "Starting…" : "Start"}
          </button>
        </div>
      </form>
    </main>
  )
}
