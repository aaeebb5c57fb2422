// One session: its transcript as it grows, what it asks, what it changed, its terminal, and where a person writes.
import { createEffect, createMemo, createSignal, For, lazy, Match, on, onCleanup, onMount, Show, Suspense, Switch } from "solid-js"
import { VList, type VListHandle } from "virtua/solid"
import "../style/session.css"
import { post, remove } from "../data/http"
import { lastHeard } from "../data/live"
import { accept, children, ensure, entry, nextNeedy, permissionsOf, placeOf, projectName, questionsOf, rename, rootOf, session as sessionOf, statusOf, stop } from "../data/roster"
import { openTranscript, type Row, rowsOf, type Transcript } from "../data/transcript"
import type { Session as SessionInfo, ToolPart } from "../data/types"
import { go, parameter, sessionPath } from "../route"
import { Markdown } from "../text/markdown_view"
import { Composer } from "../ui/composer"
import { Dialog } from "../ui/dialog"
import { age, money, now, plural, tokens } from "../ui/format"
import { Icon } from "../ui/icons"
import { keyIsFree } from "../ui/keys"
import { attempt, say } from "../ui/notice"
import { PermissionCard, QuestionCard } from "../ui/request_card"
import { StateMark } from "../ui/state"
import { TodoList, ToolView } from "../ui/tool_view"

const Changes = lazy(() => import("./changes"))
const Digest = lazy(() => import("./digest"))
const Evidence = lazy(() => import("./digest").then((found) => ({ default: found.Evidence })))
const TerminalTab = lazy(() => import("./terminal"))

export default function SessionScreen(props: { id: string }) {
  const [problem, setProblem] = createSignal("")
  void ensure(props.id).catch((error: Error) => setProblem(error.message))
  return (
    <Show
      when={sessionOf(props.id)}
      fallback={
        <main id="main" class="page">
          <Show when={problem()} fallback={<h1 class="quiet">Opening…</h1>}>
            <h1>This session cannot be shown</h1>
            <p>{problem()}</p>
            <a class="button" href="/">
              Home
            </a>
          </Show>
        </main>
      }
    >
      {(found) => <Loaded session={found()} />}
    </Show>
  )
}

function Loaded(props: { session: SessionInfo }) {
  const id = props.session.id
  const transcript = openTranscript(id)
  const [insert, setInsert] = createSignal<string>()
  const tab = () => parameter("tab") ?? "chat"
  const state = () => entry(rootOf(id))
  const status = () => statusOf(id)
  const show = (name: string) => go(sessionPath(id, name === "chat" ? undefined : name), "replace")
  const requests = () => ({ permissions: permissionsOf(rootOf(id)), questions: questionsOf(rootOf(id)) })
  const done = () => transcript.todo().filter((each) => each.status === "completed").length

  const onKey = (event: KeyboardEvent) => {
    if (!keyIsFree(event)) return
    if (event.key === "r") {
      event.preventDefault()
      document.querySelector<HTMLTextAreaElement>(".composer textarea")?.focus()
    } else if (event.key === "." && status()) void attempt(() => stop(id), "Stopped")
    else if (event.key === "a") document.querySelector<HTMLElement>(".pinned .primary")?.focus()
  }
  onMount(() => document.addEventListener("keydown", onKey))
  onCleanup(() => document.removeEventListener("keydown", onKey))

  const TABS = (): [string, string][] => [
    ["chat", "Chat"],
    ["changes", props.session.summary?.files ? `Changes ${props.session.summary.files}` : "Changes"],
    ["digest", "Digest"],
    ["evidence", "Evidence"],
    ["term", "Terminal"],
    ["info", transcript.todo().length ? `Plan ${done()}/${transcript.todo().length}` : "Info"],
  ]
  return (
    <main class="session" id="main">
      <Head session={props.session} transcript={transcript} />
      <div class="tabs" role="tablist" aria-label="Views of the session">
        <For each={TABS()}>
          {([name, word]) => (
            <button role="tab" id={`tab-${name}`} aria-selected={tab() === name} aria-controls="tab-panel" onClick={() => show(name)}>
              {word}
            </button>
          )}
        </For>
      </div>
      <div class="session-body" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab()}`} data-tab={tab()}>
        <Suspense fallback={<div class="loading" aria-busy="true" />}>
          <Switch
            fallback={
              <>
                <Log session={props.session} transcript={transcript} onEdit={setInsert} />
                <div class="pinned">
                  <For each={requests().permissions.map((each) => each.id)}>
                    {(request) => {
                      const found = createMemo(() => requests().permissions.find((each) => each.id === request))
                      return <Show when={found()}>{(each) => <PermissionCard request={each()} />}</Show>
                    }}
                  </For>
                  <For each={requests().questions.map((each) => each.id)}>
                    {(request) => {
                      const found = createMemo(() => requests().questions.find((each) => each.id === request))
                      return <Show when={found()}>{(each) => <QuestionCard request={each()} />}</Show>
                    }}
                  </For>
                  <Queue id={id} transcript={transcript} />
                  <Composer session={props.session} {...(insert() ? { insert: insert()! } : {})} onInserted={() => setInsert(undefined)} onSent={() => void transcript.refreshMeters()} focus={parameter("reply") !== null} />
                </div>
              </>
            }
          >
            <Match when={tab() === "changes"}>
              <Changes
                session={props.session}
                onReviewed={() => void attempt(() => accept(rootOf(id)), "Marked as reviewed")}
                onSent={() => show("chat")}
              />
            </Match>
            <Match when={tab() === "digest"}>
              <Digest session={props.session} working={Boolean(status())} />
            </Match>
            <Match when={tab() === "evidence"}>
              <Evidence session={props.session} working={Boolean(status())} />
            </Match>
            <Match when={tab() === "term"}>
              <TerminalTab session={props.session} />
            </Match>
            <Match when={tab() === "info"}>
              <Info session={props.session} transcript={transcript} />
            </Match>
          </Switch>
        </Suspense>
      </div>
      <p class="hidden" role="status" aria-live="polite">
        {state() ? `${state()!.state} ` : ""}
      </p>
    </main>
  )
}

function Head(props: { session: SessionInfo; transcript: Transcript }) {
  const id = props.session.id
  const [menu, setMenu] = createSignal(false)
  const [asking, setAsking] = createSignal<"rename" | "delete">()
  const [title, setTitle] = createSignal("")
  const state = () => entry(rootOf(id))
  const parent = () => props.session.parentID && sessionOf(props.session.parentID)
  const next = () => {
    const found = nextNeedy(rootOf(id))
    return found && found.session.id !== rootOf(id) ? found : undefined
  }
  const context = () => props.transcript.context()
  const retry = () => {
    const found = statusOf(id)
    return found?.type === "retry" ? found : undefined
  }
  const silent = () => (statusOf(id) && state()?.group === "working" ? Math.floor((now() - lastHeard()) / 1000) : 0)

  const fork = () => attempt(() => post<SessionInfo>(`/session/${id}/fork`), "Forked").then((made) => made && go(sessionPath(made.id)))
  const drop = () =>
    attempt(() => remove(`/session/${id}`), "Deleted").then((done) => {
      setAsking(undefined)
      if (done !== undefined) go("/")
    })
  const compact = () => {
    const model = props.session.model
    if (!model) return say("Nothing to summarise yet")
    void attempt(() => post(`/session/${id}/summarize`, { providerID: model.providerID, modelID: model.id }), "Summarised")
  }
  return (
    <header class="session-head">
      <a class="ghost-link" href={parent() ? sessionPath(props.session.parentID!) : "/"} aria-label={parent() ? "To the parent session" : "Home"}>
        <Icon name="back" />
      </a>
      <div class="session-title">
        <h1>{props.session.title}</h1>
        <p class="session-line">
          <Show when={state()}>{(found) => <StateMark state={found().state} />}</Show>
          <span class="where">{projectName(placeOf(props.session))}</span>
          <Show when={(props.session.cost ?? 0) > 0}>
            <span class="cost">{money(props.session.cost ?? 0)}</span>
          </Show>
          <Show when={context()?.limit_tokens}>
            <span class="meter" title={`${tokens(context()!.used_tokens)} of ${tokens(context()!.limit_tokens)} tokens`}>
              <progress max="100" value={context()!.percentage} aria-label="Context used" />
              <span class="num">{Math.round(context()!.percentage)} %</span>
            </span>
          </Show>
          <Show when={retry()}>{(found) => <span class="warn">{(found() as { message?: string }).message ?? "The model failed"}; trying again</span>}</Show>
          <Show when={silent() > 40}>
            <span class="warn">No news for {silent()} s</span>
          </Show>
        </p>
      </div>
      <Show when={next()}>
        {(found) => (
          <a class="button next" href={sessionPath(found().session.id)} title="Next that needs you (])">
            Next: {found().session.title}
          </a>
        )}
      </Show>
      <Show when={statusOf(id)}>
        <button class="stop" onClick={() => attempt(() => stop(id), "Stopped")} title="Stop (.)">
          <Icon name="stop" /> Stop
        </button>
      </Show>
      <div class="menu-place">
        <button class="ghost" aria-label="More" aria-haspopup="menu" aria-expanded={menu()} onClick={() => setMenu(!menu())}>
          <Icon name="more" />
        </button>
        <Show when={menu()}>
          <div class="menu" role="menu" onClick={() => setMenu(false)} onKeyDown={(event) => event.key === "Escape" && setMenu(false)}>
            <button role="menuitem" onClick={() => (setTitle(props.session.title), setAsking("rename"))}>
              Rename…
            </button>
            <button role="menuitem" onClick={fork}>
              Fork
            </button>
            <button role="menuitem" onClick={compact}>
              Summarise the history
            </button>
            <button role="menuitem" onClick={() => void navigator.clipboard?.writeText(location.origin + sessionPath(id)).then(() => say("Link copied"))}>
              Copy link
            </button>
            <button role="menuitem" class="bad" onClick={() => setAsking("delete")}>
              Delete…
            </button>
          </div>
        </Show>
      </div>
      <Show when={asking() === "rename"}>
        <Dialog title="Rename" onClose={() => setAsking(undefined)}>
          <form
            class="ask"
            onSubmit={(event) => {
              event.preventDefault()
              void attempt(() => rename(id, title().trim())).then(() => setAsking(undefined))
            }}
          >
            <input type="text" aria-label="Title" value={title()} onInput={(event) => setTitle(event.currentTarget.value)} autofocus />
            <div class="actions">
              <button class="big primary" disabled={!title().trim()}>
                Rename
              </button>
            </div>
          </form>
        </Dialog>
      </Show>
      <Show when={asking() === "delete"}>
        <Dialog title="Delete this session?" onClose={() => setAsking(undefined)}>
          <p>Its messages are gone for good, and what it is doing ends. Files in the project stay as they are.</p>
          <div class="actions">
            <button class="big" onClick={() => setAsking(undefined)}>
              Keep
            </button>
            <button class="big danger" onClick={drop}>
              Delete
            </button>
          </div>
        </Dialog>
      </Show>
    </header>
  )
}

function Log(props: { session: SessionInfo; transcript: Transcript; onEdit: (text: string) => void }) {
  const { held, growth, earlier, loadEarlier, ready, problem } = props.transcript
  const cache = new Map<string, Row>()
  const rows = createMemo(() => rowsOf(held, cache, props.session.revert?.messageID))
  const [shift, setShift] = createSignal(false)
  const [away, setAway] = createSignal(false)
  let handle: VListHandle | undefined
  let stick = true
  const toEnd = () => rows().length && handle?.scrollToIndex(rows().length - 1, { align: "end" })
  createEffect(
    on([growth, rows], () => {
      if (stick) requestAnimationFrame(toEnd)
    }),
  )
  const onScroll = (offset: number) => {
    if (!handle) return
    const end = handle.scrollSize - handle.viewportSize - offset
    stick = end < 60
    setAway(end > 400)
    if (offset < 300 && earlier() && ready()) {
      setShift(true)
      void loadEarlier().finally(() => requestAnimationFrame(() => setShift(false)))
    }
  }
  // The first page may be shorter than the screen.
  const pending = () => permissionsOf(rootOf(props.session.id)).map((each) => each.tool?.callID)
  return (
    <div class="log">
      <Show when={problem()}>
        <div class="banner bad" role="alert">
          {problem()} <button onClick={() => props.transcript.load()}>Retry</button>
        </div>
      </Show>
      <Show when={ready() && !rows().length && !statusOf(props.session.id)}>
        <div class="empty">
          <h2>Nothing said yet</h2>
          <p>Write below what should be done.</p>
        </div>
      </Show>
      <VList
        class="log-list"
        ref={(found) => {
          handle = found
          requestAnimationFrame(toEnd)
        }}
        data={rows()}
        shift={shift()}
        onScroll={onScroll}
        role="log"
        aria-label="Transcript"
        aria-live="off"
        tabindex="0"
      >
        {(row) => <RowView row={row} session={props.session} transcript={props.transcript} waiting={pending()} onEdit={props.onEdit} />}
      </VList>
      <Show when={props.session.revert}>
        <div class="banner">
          Taken back to an earlier message.
          {/* Without a diff the files are still on their way back. */}
          <button disabled={props.session.revert!.diff === undefined} onClick={() => attempt(() => post(`/session/${props.session.id}/unrevert`), "Restored")}>Restore</button>
        </div>
      </Show>
      <Show when={away()}>
        <button
          class="to-end"
          aria-label="To the newest"
          onClick={() => {
            stick = true
            toEnd()
          }}
        >
          <Icon name="down" />
        </button>
      </Show>
    </div>
  )
}

function RowView(props: { row: Row; session: SessionInfo; transcript: Transcript; waiting: (string | undefined)[]; onEdit: (text: string) => void }) {
  const { held } = props.transcript
  const message = () => held.messages[props.row.message]
  const part = () => (props.row.part ? held.parts[props.row.part] : undefined)
  return (
    <Switch>
      <Match when={props.row.kind === "user" && message()}>
        <UserMessage row={props.row} session={props.session} transcript={props.transcript} onEdit={props.onEdit} />
      </Match>
      <Match when={props.row.kind === "error"}>
        <div class="entry failure" role="note">
          <strong>{errorWord((message() as any)?.error)}</strong>
        </div>
      </Match>
      <Match when={part()?.type === "text"}>
        <div class="entry said">
          <Markdown text={(part() as { text: string }).text} />
        </div>
      </Match>
      <Match when={part()?.type === "reasoning"}>
        <details class="entry reasoning">
          <summary>Thought{(part() as any).time?.end ? "" : " …"}</summary>
          <Markdown text={(part() as { text: string }).text} />
        </details>
      </Match>
      <Match when={part()?.type === "tool"}>
        <div class="entry">
          <ToolView part={part() as ToolPart} waiting={props.waiting.includes((part() as ToolPart).callID)} />
        </div>
      </Match>
      <Match when={part()?.type === "compaction"}>
        <p class="entry divider">The history was summarised here</p>
      </Match>
      <Match when={part()}>{(each) => <p class="entry quiet">{each().type}</p>}</Match>
    </Switch>
  )
}

const errorWord = (error: any): string => {
  if (error?.name === "MessageAbortedError") return "Stopped"
  return error?.data?.message ?? error?.name ?? "Failed"
}

function UserMessage(props: { row: Row; session: SessionInfo; transcript: Transcript; onEdit: (text: string) => void }) {
  const { held } = props.transcript
  const parts = () => (held.partsOf[props.row.message] ?? []).map((id) => held.parts[id]!).filter(Boolean)
  const text = () =>
    parts()
      .filter((each) => each.type === "text" && !(each as any).synthetic)
      .map((each) => (each as { text: string }).text)
      .join("\n")
  const files = () => parts().filter((each) => each.type === "file") as unknown as { filename?: string; mime: string; url: string }[]
  const waiting = () => props.transcript.queue().some((each) => each.messageID === props.row.message)
  const revert = () => {
    const words = text()
    void attempt(() => post(`/session/${props.session.id}/revert`, { messageID: props.row.message }), "Taken back, files too").then((done) => done !== undefined && props.onEdit(words))
  }
  const fork = () => attempt(() => post<SessionInfo>(`/session/${props.session.id}/fork`, { messageID: props.row.message }), "Forked before this message").then((made) => made && go(sessionPath(made.id)))
  return (
    <div class="entry asked" classList={{ waiting: waiting() }}>
      <div class="asked-text">{text()}</div>
      <For each={files()}>
        {(file) => (
          <Show
            when={file.mime.startsWith("image/") && file.url.startsWith("data:")}
            fallback={
              <span class="file-chip">
                <Icon name="file" /> {file.filename ?? file.mime}
              </span>
            }
          >
            <img class="picture" src={file.url} alt={file.filename ?? "Attached picture"} />
          </Show>
        )}
      </For>
      <div class="asked-acts">
        <Show when={waiting()} fallback={<time>{age(held.messages[props.row.message]!.time.created)}</time>}>
          <span>queued</span>
        </Show>
        <Show when={!waiting() && !statusOf(props.session.id)}>
          <button class="link" onClick={revert} title="Take back this message and what came of it, files too">
            Revert
          </button>
        </Show>
        <button class="link" onClick={fork} title="A new session with what was before this message">
          Fork
        </button>
      </div>
    </div>
  )
}

function Queue(props: { id: string; transcript: Transcript }) {
  return (
    <Show when={props.transcript.queue().length}>
      <div class="queue">
        {plural(props.transcript.queue().length, "message")} queued
        <button
          class="link"
          onClick={() => {
            const last = props.transcript.queue().at(-1)
            if (last) void attempt(() => remove(`/fleet/session/${props.id}/queue/${last.messageID}`), "Taken back").then(() => props.transcript.refreshMeters())
          }}
        >
          Take back the last
        </button>
      </div>
    </Show>
  )
}

function Info(props: { session: SessionInfo; transcript: Transcript }) {
  const context = () => props.transcript.context()
  return (
    <div class="page info">
      <Show when={props.transcript.todo().length}>
        <section>
          <h2>Plan</h2>
          <TodoList todos={props.transcript.todo()} />
        </section>
      </Show>
      <Show when={children(props.session.id).length}>
        <section>
          <h2>Subagents</h2>
          <ul class="plain-list">
            <For each={children(props.session.id)}>
              {(child) => (
                <li>
                  <a href={sessionPath(child.id)}>{child.title}</a> <span class="quiet">{statusOf(child.id) ? "working" : "done"}</span>
                </li>
              )}
            </For>
          </ul>
        </section>
      </Show>
      <section>
        <h2>About</h2>
        <dl class="facts">
          <dt>Directory</dt>
          <dd class="mono">{props.session.directory}</dd>
          <dt>Model</dt>
          <dd>{props.session.model ? `${props.session.model.providerID}/${props.session.model.id}` : "not chosen yet"}</dd>
          <dt>Agent</dt>
          <dd>{props.session.agent ?? "default"}</dd>
          <dt>Cost</dt>
          <dd>{money(props.session.cost ?? 0)}</dd>
          <dt>Tokens</dt>
          <dd>
            {tokens(props.session.tokens?.input ?? 0)} in, {tokens(props.session.tokens?.output ?? 0)} out, {tokens(props.session.tokens?.cache.read ?? 0)} from the cache
          </dd>
          <Show when={context()}>
            {(found) => (
              <>
                <dt>Context</dt>
                <dd>
                  {tokens(found().used_tokens)} of {tokens(found().limit_tokens)} tokens, summarised {found().compactions} times
                </dd>
              </>
            )}
          </Show>
          <dt>Begun</dt>
          <dd>{new Date(props.session.time.created).toLocaleString()}</dd>
          <dt>Id</dt>
          <dd class="mono">{props.session.id}</dd>
        </dl>
      </section>
    </div>
  )
}
