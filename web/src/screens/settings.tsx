// Settings: appearance of this browser; the server's providers and keys, models, agents, MCP servers and saved rules.
import { createResource, createSignal, For, type JSX, Show } from "solid-js"
import { get, post, put, remove } from "../data/http"
import { directories, projectName } from "../data/roster"
import type { Agent } from "../data/types"
import { setTheme, theme, type Theme } from "../ui/appearance"
import { plural } from "../ui/format"
import { KEYS_OFF } from "../ui/keys"
import { attempt } from "../ui/notice"

interface Provider {
  id: string
  name: string
  source: string
  models: Record<string, { id: string; name: string }>
}
interface SavedRule {
  id: string
  action?: string
  permission?: string
  resource?: string
  pattern?: string
  projectID?: string
}

export default function Settings() {
  const [chosen, setChosen] = createSignal("")
  const directory = () => chosen() || directories()[0]
  const at = () => ({ directory: directory() })
  const [look, setLook] = createSignal<Theme>(theme())
  const [keysOff, setKeysOff] = createSignal(localStorage.getItem(KEYS_OFF) !== null)
  const [providers, providersAgain] = createResource(at, (options) => get<{ providers: Provider[]; default: Record<string, string> }>("/config/providers", options))
  const [agents] = createResource(at, (options) => get<Agent[]>("/agent", options))
  const [mcp, mcpAgain] = createResource(at, (options) => get<Record<string, { status: string; error?: string }>>("/mcp", options))
  const [rules, rulesAgain] = createResource(at, async (options) => {
    const found = await get<SavedRule[] | { data: SavedRule[] }>("/api/permission/saved", options)
    return Array.isArray(found) ? found : found.data
  })
  const [adding, setAdding] = createSignal("")
  const [provider, setProvider] = createSignal("")
  const [key, setKey] = createSignal("")

  const saveKey = async (id: string) => {
    const done = await attempt(() => put(`/auth/${encodeURIComponent(id)}`, { type: "api", key: key().trim() }).then(() => true), "Key saved. It is never shown again.")
    if (!done) return
    setKey("")
    setAdding("")
    setProvider("")
    void providersAgain.refetch()
  }
  return (
    <main id="main" class="page settings">
      <h1>Settings</h1>
      <section>
        <h2>Appearance</h2>
        <div class="segmented" role="group" aria-label="Theme">
          {(["system", "light", "dark"] as const).map((each) => (
            <button
              aria-pressed={look() === each}
              onClick={() => {
                setLook(each)
                setTheme(each)
              }}
            >
              {{ system: "As the system", light: "Light", dark: "Dark" }[each]}
            </button>
          ))}
        </div>
        <label class="option">
          <input
            type="checkbox"
            checked={!keysOff()}
            onChange={(event) => {
              setKeysOff(!event.currentTarget.checked)
              if (event.currentTarget.checked) localStorage.removeItem(KEYS_OFF)
              else localStorage.setItem(KEYS_OFF, "1")
            }}
          />
          <span>
            <strong>Single-key shortcuts</strong>
            <small>j, k, a, r… Press ? for the list.</small>
          </span>
        </label>
      </section>
      <Show when={directories().length > 1}>
        <label class="field">
          What follows, as it is in
          <select value={directory()} onChange={(event) => setChosen(event.currentTarget.value)}>
            <For each={directories()}>{(each) => <option value={each}>{projectName(each)}</option>}</For>
          </select>
        </label>
      </Show>
      <Section title="Providers" state={providers}>
        <ul>
          <For each={providers.latest?.providers}>
            {(each) => (
              <li>
                <span class="grow">
                  <strong>{each.name}</strong> <span class="quiet">{plural(Object.keys(each.models).length, "model")}, key from {{ env: "the environment", config: "the configuration", api: "here", custom: "a plugin" }[each.source] ?? each.source}</span>
                </span>
                <button onClick={() => setAdding(adding() === each.id ? "" : each.id)} aria-expanded={adding() === each.id}>
                  Set key
                </button>
                <Show when={each.source === "api"}>
                  <button onClick={() => attempt(() => remove(`/auth/${encodeURIComponent(each.id)}`), "Key removed").then(() => providersAgain.refetch())}>Remove key</button>
                </Show>
                <Show when={adding() === each.id}>
                  <KeyForm name={each.name} value={key()} onInput={setKey} onSave={() => saveKey(each.id)} />
                </Show>
              </li>
            )}
          </For>
          <li>
            <form
              onSubmit={(event) => {
                event.preventDefault()
                if (provider().trim() && key().trim()) void saveKey(provider().trim())
              }}
            >
              <input type="text" aria-label="Provider" placeholder="anthropic, openai, openrouter…" value={provider()} onInput={(event) => setProvider(event.currentTarget.value)} />
              <input type="password" autocomplete="off" aria-label="Key of the new provider" placeholder="API key" value={adding() ? "" : key()} onInput={(event) => setKey(event.currentTarget.value)} />
              <button class="primary" disabled={!provider().trim() || !key().trim()}>
                Add
              </button>
            </form>
          </li>
        </ul>
      </Section>
      <Section title="Models" state={providers}>
        <ul>
          <For each={providers.latest?.providers}>
            {(each) => (
              <li>
                <span class="grow">
                  <strong>{each.name}</strong>{" "}
                  <span class="quiet">
                    {Object.values(each.models)
                      .slice(0, 12)
                      .map((model) => model.name || model.id)
                      .join(", ")}
                    {Object.keys(each.models).length > 12 ? " …" : ""}
                  </span>
                </span>
                <span class="tag">default: {providers.latest?.default[each.id] ?? "none"}</span>
              </li>
            )}
          </For>
        </ul>
      </Section>
      <Section title="Agents" state={agents}>
        <ul>
          <For each={agents.latest?.filter((each) => !(each as { hidden?: boolean }).hidden)}>
            {(each) => (
              <li>
                <span class="grow">
                  <strong>{each.name}</strong> <span class="quiet">{each.description}</span>
                </span>
                <span class="tag">{each.mode}</span>
              </li>
            )}
          </For>
        </ul>
      </Section>
      <Section title="MCP servers" state={mcp}>
        <ul>
          <For each={Object.entries(mcp.latest ?? {})} fallback={<li class="quiet">None. They are named in the configuration, under mcp.</li>}>
            {([name, state]) => (
              <li>
                <span class="grow">
                  <strong>{name}</strong> <span class="quiet">{state.error}</span>
                </span>
                <span class="tag" classList={{ danger: state.status === "failed" }}>
                  {state.status}
                </span>
                <button
                  onClick={() =>
                    attempt(() => post(`/mcp/${encodeURIComponent(name)}/${state.status === "connected" ? "disconnect" : "connect"}`, {}, at())).then(() => mcpAgain.refetch())
                  }
                >
                  {state.status === "connected" ? "Disconnect" : "Connect"}
                </button>
              </li>
            )}
          </For>
        </ul>
      </Section>
      <Section title="What is always allowed" state={rules}>
        <ul>
          <For each={rules.latest} fallback={<li class="quiet">Nothing. “Always allow” adds a rule here; rules of the configuration stand in its files.</li>}>
            {(each) => (
              <li>
                <span class="grow">
                  {each.action ?? each.permission} <code>{each.resource ?? each.pattern}</code>
                </span>
                <button onClick={() => attempt(() => remove(`/api/permission/saved/${encodeURIComponent(each.id)}`, at()), "Removed").then(() => rulesAgain.refetch())}>Remove</button>
              </li>
            )}
          </For>
        </ul>
      </Section>
    </main>
  )
}

function KeyForm(props: { name: string; value: string; onInput: (value: string) => void; onSave: () => void }) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (props.value.trim()) props.onSave()
      }}
    >
      <input type="password" autocomplete="off" aria-label={`Key of ${props.name}`} placeholder="API key" value={props.value} onInput={(event) => props.onInput(event.currentTarget.value)} />
      <button class="primary" disabled={!props.value.trim()}>
        Save
      </button>
    </form>
  )
}

function Section(props: { title: string; state: { loading: boolean; error: unknown; latest: unknown }; children: JSX.Element }) {
  return (
    <section>
      <h2>{props.title}</h2>
      <Show when={!props.state.error} fallback={<p class="warn">{(props.state.error as Error).message}</p>}>
        <Show when={props.state.latest !== undefined} fallback={<p class="quiet">Loading…</p>}>
          {props.children}
        </Show>
      </Show>
    </section>
  )
}
