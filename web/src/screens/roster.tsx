// Home: what needs me, what is ready, what is running, what rests. Rows are acted on without opening them.
import { createEffect, createMemo, createSignal, For, onCleanup, onMount, Show } from "solid-js"
import { allow, answer } from "../data/answers"
import { asksTo, commandOf, riskOf } from "../data/risk"
import {
  accept, archive, costToday, directories, type Entry, entries, failure, type Group, load, loaded, needsCount,
  nudge, placeOf, projectName, reviewCount, setPriority, stop,
} from "../data/roster"
import { go, parameter, path, sessionPath } from "../route"
import { age, money, plural } from "../ui/format"
import { Icon } from "../ui/icons"
import { keyIsFree } from "../ui/keys"
import { attempt } from "../ui/notice"
import { RequestDialog } from "../ui/request_card"
import { StateMark } from "../ui/state"
import { BulkBar, SaidElsewhere } from "./roster_more"

const GROUPS: { group: Group; title: string }[] = [
  { group: "needs", title: "Needs you" },
  { group: "supervisor", title: "With supervisors" },
  { group: "review", title: "Ready for review" },
  { group: "working", title: "Working" },
  { group: "queued", title: "Queued" },
  { group: "quiet", title: "Quiet" },
]
const SHOWN_AT_ONCE = 40

export default function Roster() {
  const [asked, setAsked] = createSignal<Entry>()
  const [shown, setShown] = createSignal<Record<string, number>>({})
  const [held, setHeld] = createSignal<string[]>() // the order while somebody points at it
  const [picked, setPicked] = createSignal<string[]>() // while several are chosen
  const pick = (id: string) => setPicked((all) => (all?.includes(id) ? all.filter((each) => each !== id) : [...(all ?? []), id]))
  let list!: HTMLDivElement
  let search!: HTMLInputElement
  let release: number | undefined
  let choosing = 0 // when p was pressed: a number follows

  const only = (): Group | undefined => (path() === "/review" ? "review" : undefined)
  const project = () => parameter("project") ?? ""
  const text = () => parameter("q") ?? ""
  const filter = (name: string, value: string) => {
    const next = new URL(location.href)
    if (value) next.searchParams.set(name, value)
    else next.searchParams.delete(name)
    go(next.pathname + next.search, "replace")
  }

  const matching = createMemo(() => {
    const words = text().toLowerCase().split(/\s+/).filter(Boolean)
    const fits = (each: Entry) => {
      if (only() && each.group !== only()) return false
      if (project() && placeOf(each.session) !== project()) return false
      const hay = `${each.session.title} ${each.session.directory} ${each.activity} ${each.state} ${each.session.id}`.toLowerCase()
      return words.every((word) => hay.includes(word))
    }
    return entries().filter(fits)
  })
  // Rows do not move under a finger: the order is kept while a pointer is down and for two seconds after.
  const ordered = createMemo(() => {
    const order = held()
    if (!order) return matching()
    const place = new Map(order.map((id, index) => [id, index]))
    return [...matching()].sort((a, b) => (place.get(a.session.id) ?? 1e9) - (place.get(b.session.id) ?? 1e9))
  })
  const hold = () => {
    clearTimeout(release)
    if (!held()) setHeld(matching().map((each) => each.session.id))
    release = window.setTimeout(() => setHeld(undefined), 2_000)
  }

  const rows = () => [...list.querySelectorAll<HTMLElement>(".row")]
  const move = (by: number) => {
    const all = rows()
    const at = all.findIndex((row) => row.contains(document.activeElement))
    const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by))]
    next?.querySelector<HTMLElement>(".row-title")?.focus()
    next?.scrollIntoView({ block: "nearest" })
  }
  const current = () => {
    const id = document.activeElement?.closest<HTMLElement>(".row")?.dataset["id"]
    return entries().find((each) => each.session.id === id)
  }
  const allowNow = (entry: Entry) => {
    if (entry.permission && !riskOf(entry.permission).high) void attempt(() => allow(entry.permission!, "once"), "Allowed once")
    else if (entry.permission || entry.question) setAsked(entry)
  }
  const onKey = (event: KeyboardEvent) => {
    if (!keyIsFree(event)) return
    const entry = current()
    const act: Record<string, (() => void) | undefined> = {
      j: () => move(1),
      ArrowDown: () => move(1),
      k: () => move(-1),
      ArrowUp: () => move(-1),
      "/": () => search.focus(),
      a: entry && (() => allowNow(entry)),
      d: entry?.permission && (() => setAsked(entry)),
      r: entry && (() => go(`${sessionPath(entry.session.id)}?reply=1`)),
      p: entry && (() => (choosing = Date.now())),
      e: entry?.group === "quiet" ? () => put(entry) : undefined,
      ".": entry && entry.group !== "quiet" ? () => void attempt(() => stop(entry.session.id), "Stopped") : undefined,
    }
    const number = Number(event.key)
    if (entry && Date.now() - choosing < 1_500 && /^[0-3]$/.test(event.key)) {
      choosing = 0
      event.preventDefault()
      void attempt(() => setPriority(entry.session.id, `P${number as 0 | 1 | 2 | 3}`), `Priority P${number}`)
      return
    }
    const options = entry?.question?.questions[0]?.options
    if (entry?.question?.questions.length === 1 && options && number >= 1 && number <= options.length) {
      event.preventDefault()
      void attempt(() => answer(entry.question!, [[options[number - 1]!.label]]), "Answered")
      return
    }
    const found = act[event.key]
    if (!found) return
    event.preventDefault()
    found()
  }
  const put = (entry: Entry) => void attempt(() => archive(entry.session.id), `Archived “${entry.session.title}”`)
  onMount(() => document.addEventListener("keydown", onKey))
  onCleanup(() => document.removeEventListener("keydown", onKey))

  // An answered request closes its sheet, wherever it was answered.
  createEffect(() => {
    const open = asked()
    if (!open) return
    const id = open.permission?.id ?? open.question?.id
    const now = entries().find((each) => each.session.id === open.session.id)
    if ((now?.permission?.id ?? now?.question?.id) !== id) setAsked(undefined)
  })

  const working = () => entries().filter((each) => each.group === "working").length
  return (
    <main class="roster" id="main">
      <header class="page-head">
        <h1>{only() === "review" ? plural(reviewCount(), "session") + " to review" : needsCount() ? `${needsCount()} need${needsCount() === 1 ? "s" : ""} you` : "Nothing needs you"}</h1>
        <p class="summary">
          <span>{reviewCount()} to review</span>
          <span>{working()} working</span>
          <Show when={costToday() > 0}>
            <span>{money(costToday())} today</span>
          </Show>
        </p>
        <div class="filters">
          <label class="search">
            <Icon name="search" />
            <input ref={search} type="search" placeholder="Search sessions" aria-label="Search sessions" value={text()} onInput={(event) => filter("q", event.currentTarget.value)} onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()} />
            <kbd>/</kbd>
          </label>
          <Show when={directories().length > 1}>
            <select aria-label="Project" value={project()} onChange={(event) => filter("project", event.currentTarget.value)}>
              <option value="">All projects</option>
              <For each={directories()}>{(each) => <option value={each}>{projectName(each)}</option>}</For>
            </select>
          </Show>
          <Show when={entries().length > 1}>
            <button aria-pressed={picked() !== undefined} onClick={() => setPicked(picked() ? undefined : [])}>
              Select
            </button>
          </Show>
        </div>
        <Show when={picked()}>{(ids) => <BulkBar entries={entries().filter((each) => ids().includes(each.session.id))} onDone={() => setPicked(undefined)} />}</Show>
      </header>

      <Show when={failure()}>
        <div class="banner bad" role="alert">
          {failure()} <button onClick={() => load()}>Retry</button>
        </div>
      </Show>
      <Show when={loaded() || failure()} fallback={<Skeleton />}>
        <div ref={list} class="groups" onPointerDown={hold} onPointerMove={(event) => event.buttons && hold()}>
          <For each={GROUPS}>
            {({ group, title }) => {
              const all = () => ordered().filter((each) => each.group === group)
              const limit = () => shown()[group] ?? (group === "quiet" && !text() ? 12 : SHOWN_AT_ONCE)
              return (
                <Show when={all().length}>
                  <section class="group" data-group={group} aria-labelledby={`group-${group}`}>
                    <h2 id={`group-${group}`}>
                      {title} <span class="count">{all().length}</span>
                    </h2>
                    <ul>
                      <For each={all().slice(0, limit()).map((each) => each.session.id)}>
                        {(id) => {
                          const entry = createMemo<Entry>((old) => all().find((each) => each.session.id === id) ?? old!)
                          return <Row entry={entry()} picked={picked()?.includes(id)} onPick={() => pick(id)} onAsk={() => setAsked(entry())} onAllow={() => allowNow(entry())} onArchive={() => put(entry())} />
                        }}
                      </For>
                    </ul>
                    <Show when={all().length > limit()}>
                      <button class="more" onClick={() => setShown({ ...shown(), [group]: limit() + 100 })}>
                        Show {Math.min(100, all().length - limit())} more
                      </button>
                    </Show>
                  </section>
                </Show>
              )
            }}
          </For>
          <SaidElsewhere text={text()} />
          <Show when={!ordered().length && loaded()}>
            <Empty filtered={Boolean(text() || project())} review={only() === "review"} />
          </Show>
        </div>
      </Show>
      <Show when={asked()} keyed>
        {(entry) => <RequestDialog title={entry.session.title} permission={entry.permission} question={entry.question} onClose={() => setAsked(undefined)} />}
      </Show>
    </main>
  )
}

function Row(props: { entry: Entry; picked: boolean | undefined; onPick: () => void; onAsk: () => void; onAllow: () => void; onArchive: () => void }) {
  const entry = () => props.entry
  const quick = () => {
    const questions = entry().question?.questions
    const only = questions?.length === 1 ? questions[0]! : undefined
    return only && !only.multiple && only.options.length <= 4 ? only.options : undefined
  }
  return (
    <li class="row" data-id={entry().session.id} data-state={entry().state} classList={{ folded: entry().group === "quiet" }}>
      <StateMark state={entry().state} />
      <div class="row-body">
        <a class="row-title" href={sessionPath(entry().session.id, entry().group === "review" && entry().session.summary?.files ? "changes" : undefined)}>
          <Show when={entry().priority !== "P2"}>
            <span class="priority" data-priority={entry().priority}>
              {entry().priority}
            </span>
          </Show>
          {entry().session.title}
        </a>
        <p class="row-line">
          <Show when={entry().permission} keyed>
            {(request) => (
              <>
                asks to {asksTo(request)} <code>{commandOf(request)}</code>
              </>
            )}
          </Show>
          <Show when={!entry().permission && entry().question}>{(request) => <>{request().questions[0]?.question}</>}</Show>
          <Show when={entry().group === "working"}>{entry().activity || "Thinking"}</Show>
          <Show when={!entry().permission && !entry().question && (entry().group === "needs" || entry().group === "supervisor" || entry().group === "queued")}>
            {entry().reason}
          </Show>
          <Show when={entry().group === "review"}>
            <Show when={entry().session.summary?.files} fallback={entry().activity || entry().reason}>
              {plural(entry().session.summary?.files ?? 0, "file")} <span class="plus">+{entry().session.summary?.additions}</span>{" "}
              <span class="minus">−{entry().session.summary?.deletions}</span> {entry().activity}
            </Show>
          </Show>
        </p>
        <Show when={entry().permission} keyed>
          {(request) => (
            <div class="row-actions">
              <Show
                when={riskOf(request).high}
                fallback={
                  <button class="primary" onClick={props.onAllow}>
                    Allow once
                  </button>
                }
              >
                <span class="tag danger">{riskOf(request).effect}</span>
                <button class="primary" onClick={props.onAsk}>
                  Review & allow…
                </button>
              </Show>
              <button onClick={props.onAsk}>Deny…</button>
            </div>
          )}
        </Show>
        <Show when={!entry().permission && entry().question} keyed>
          {(request) => (
            <div class="row-actions">
              <Show when={quick()} fallback={<button class="primary" onClick={props.onAsk}>Answer…</button>}>
                {(options) => (
                  <>
                    <For each={options()}>
                      {(option) => (
                        <button title={option.description} onClick={() => attempt(() => answer(request, [[option.label]]), "Answered")}>
                          {option.label}
                        </button>
                      )}
                    </For>
                    <button class="plain" onClick={props.onAsk}>
                      Other…
                    </button>
                  </>
                )}
              </Show>
            </div>
          )}
        </Show>
        <Show when={entry().group === "needs" && !entry().permission && !entry().question}>
          <div class="row-actions">
            <button class="primary" onClick={() => attempt(() => nudge(entry().session.id), "Nudged")}>
              Nudge
            </button>
          </div>
        </Show>
      </div>
      <div class="row-facts">
        <span class="project">{projectName(placeOf(entry().session))}</span>
        <Show when={(entry().session.cost ?? 0) > 0}>
          <span class="cost">{money(entry().session.cost ?? 0)}</span>
        </Show>
        <time dateTime={new Date(entry().since).toISOString()} title={new Date(entry().since).toLocaleString()}>
          {age(entry().since)}
        </time>
      </div>
      <Show when={props.picked !== undefined}>
        <label class="row-pick">
          <input type="checkbox" checked={props.picked ?? false} onChange={props.onPick} aria-label={`Select ${entry().session.title}`} />
        </label>
      </Show>
      <div class="row-side">
        <Show when={entry().group === "working" || entry().group === "needs"}>
          <button class="ghost" aria-label={`Stop ${entry().session.title}`} title="Stop (.)" onClick={() => attempt(() => stop(entry().session.id), "Stopped")}>
            <Icon name="stop" />
          </button>
        </Show>
        <Show when={entry().group === "review"}>
          <button class="ghost" aria-label={`Mark ${entry().session.title} reviewed`} title="Mark reviewed" onClick={() => attempt(() => accept(entry().session.id), "Reviewed")}>
            <Icon name="check" />
          </button>
        </Show>
        <Show when={entry().group === "quiet"}>
          <button class="ghost" aria-label={`Archive ${entry().session.title}`} title="Archive (e)" onClick={props.onArchive}>
            <Icon name="cross" />
          </button>
        </Show>
      </div>
    </li>
  )
}

function Skeleton() {
  return (
    <div class="skeleton" aria-hidden="true">
      <For each={[70, 45, 60, 52, 38]}>{(width) => <div data-width={width} />}</For>
    </div>
  )
}

function Empty(props: { filtered: boolean; review: boolean }) {
  return (
    <div class="empty">
      <Show
        when={!props.filtered && !props.review}
        fallback={
          <>
            <h2>{props.review ? "Nothing to review" : "No session matches"}</h2>
            <p>{props.review ? "Sessions that changed files and ended their turn come here." : "Search looks at titles, projects and what is going on."}</p>
            <Show when={props.filtered}>
              <button onClick={() => go(path(), "replace")}>Clear the filter</button>
            </Show>
          </>
        }
      >
        <h2>No sessions yet</h2>
        <p>Give an agent something to do. It shows up here, with what it needs from you.</p>
        <a class="button primary" href="/new">
          New work
        </a>
        <pre class="command">quarterdeck run "Fix the failing test"</pre>
      </Show>
    </div>
  )
}
