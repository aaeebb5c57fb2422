// What happened in a session since one looked, and what the agent says beside what the server saw. Nothing here is made by
// a model: docs/fleet.md, Digest and evidence.
import { createResource, createSignal, For, type JSX, Show } from "solid-js"
import { get } from "../data/http"
import type { Check, Claim, Commit, Digest as Told, Evidence as Seen, Session } from "../data/types"
import { money, plural, tokens } from "../ui/format"
import { Icon } from "../ui/icons"
import { StateMark } from "../ui/state"

interface Props {
  session: Session
  working: boolean
}
const DIGEST_TOKENS = 6_000

// Asked again when a turn ends, or the session changes.
function Shown<T>(props: Props & { load: () => Promise<T>; also?: unknown; children: (value: T) => JSX.Element }) {
  const [found, { refetch }] = createResource(
    () => `${props.session.id} ${props.session.time.updated} ${props.working} ${JSON.stringify(props.also)}`,
    () => props.load(),
  )
  return (
    <div class="page info" aria-busy={found.loading}>
      <Show when={found.error}>
        <div class="banner bad" role="alert">
          {(found.error as Error).message} <button onClick={() => refetch()}>Retry</button>
        </div>
      </Show>
      <Show when={!found.error && found.latest} keyed>
        {(value) => props.children(value as T)}
      </Show>
    </div>
  )
}

function List<T>(props: { title: string; items: T[] | undefined; left?: number; children: (item: T) => JSX.Element }) {
  return (
    <Show when={props.items?.length}>
      <section>
        <h2>{props.title}</h2>
        <ul class="plain-list">
          <For each={props.items}>{(each) => <li class="said-text">{props.children(each)}</li>}</For>
        </ul>
        <Show when={props.left}>
          <p class="quiet">{props.left} more, older, are not shown.</p>
        </Show>
      </section>
    </Show>
  )
}

function Claims(props: { title: string; claims: Claim[] }) {
  return (
    <section>
      <h2>{props.title}</h2>
      <ul class="seen">
        <For each={props.claims}>
          {(claim) => (
            <li data-good={claim.verified}>
              <span class="verdict">
                <Icon name={claim.verified ? "check" : "alert"} />
                {claim.verified ? "Verified" : "Not verified"}
              </span>
              <div>
                <blockquote>“{claim.said}”</blockquote>
                <small>{claim.why}</small>
              </div>
            </li>
          )}
        </For>
      </ul>
    </section>
  )
}

const endOf = (check: Check) => (check.exit === null ? "was ended" : check.exit === 0 ? "passed (0)" : `failed (${check.exit})`)
const limits = (check: Check) =>
  [check.exit_hidden && "its exit code is hidden by the rest of the line", check.before_last_change && "ran before the last change"].filter(Boolean).join("; ")

function Checks(props: { checks: Check[] | undefined }) {
  return (
    <Show when={props.checks?.length}>
      <section>
        <h2>Checks that the server saw</h2>
        <ul class="seen">
          <For each={props.checks}>
            {(check) => (
              <li data-good={limits(check) ? undefined : check.exit === 0}>
                <span class="verdict">
                  <Icon name={limits(check) ? "question" : check.exit === 0 ? "check" : "cross"} />
                  {check.kind} {endOf(check)}
                </span>
                <div>
                  <code>{check.command}</code>
                  <Show when={limits(check)}>{(why) => <small>{why()}</small>}</Show>
                </div>
              </li>
            )}
          </For>
        </ul>
      </section>
    </Show>
  )
}

const CommitLine = (commit: Commit) => (
  <>
    <code>{commit.hash}</code> {commit.subject} <span class="quiet">{commit.stat}</span>
  </>
)
const count = (told: Told, list: string) => (told as unknown as Record<string, number | undefined>)[`${list}_omitted`] ?? 0

export default function Digest(props: Props) {
  const seenKey = `quarterdeck.digest.${props.session.id}`
  const [since, setSince] = createSignal(Number(localStorage.getItem(seenKey)) || 0)
  const [all, setAll] = createSignal(false)
  const from = () => (all() ? 0 : since())
  const calls = (told: Told) => Object.entries(told.happened?.calls ?? {}).map(([tool, times]) => `${tool} ${times}`).join(", ")
  const read = (told: Told) => {
    localStorage.setItem(seenKey, String(told.cursor))
    setSince(told.cursor)
    setAll(false)
  }
  return (
    <Shown {...props} also={from()} load={() => get<Told>(`/fleet/session/${props.session.id}/digest`, { query: { max_tokens: DIGEST_TOKENS, since: from() || undefined } })}>
      {(told) => (
        <>
          <section>
            <div class="head-line">
              <h2>{told.since ? "Since you last read it" : "From the beginning"}</h2>
              <Show when={since() > 0}>
                <button class="link" onClick={() => setAll(!all())}>
                  {all() ? "Only what is new" : "All of it"}
                </button>
              </Show>
              <Show when={told.cursor > since()}>
                <button onClick={() => read(told)}>Mark as read</button>
              </Show>
            </div>
            <dl class="facts">
              <dt>Now</dt>
              <dd>
                <StateMark state={told.state.state} /> {told.state.reason}
              </dd>
              <Show when={told.warning}>
                <dt>Warning</dt>
                <dd>{told.warning}</dd>
              </Show>
              <Show when={told.next}>
                {(next) => (
                  <>
                    <dt>Next</dt>
                    <dd>
                      {next().action} {next().at ? `(${new Date(next().at!).toLocaleTimeString()})` : ""}
                    </dd>
                  </>
                )}
              </Show>
              <Show when={told.happened}>
                {(happened) => (
                  <>
                    <dt>Happened</dt>
                    <dd>
                      {plural(happened().turns, "turn")}, {plural(happened().steps, "step")}
                      {calls(told) ? `; ${calls(told)}` : ""}
                      {happened().calls_failed ? `; ${happened().calls_failed} failed` : ""}
                    </dd>
                  </>
                )}
              </Show>
              <Show when={told.cost}>
                {(cost) => (
                  <>
                    <dt>Cost</dt>
                    <dd>
                      {money(cost().total_usd)}
                      {told.since ? `, ${money(cost().since_usd)} of it since` : ""}; {tokens(told.context_tokens ?? 0)} tokens of context
                    </dd>
                  </>
                )}
              </Show>
            </dl>
          </section>
          <Show when={told.open?.length}>
            <section>
              <h2>It waits for you</h2>
              <For each={told.open}>{(each) => <a class="button primary" href={`/a/${each.id}`}>Look at what it asks</a>}</For>
            </section>
          </Show>
          <Show when={told.unverified?.length}>
            <Claims title="Says, and nothing shows it" claims={told.unverified!} />
          </Show>
          <List title="Failures" items={told.failures} left={count(told, "failures")}>
            {(each) => each.text}
          </List>
          <Show when={told.answer}>
            {(answer) => (
              <section>
                <h2>Its last word</h2>
                <p class="said-text">{answer().text}</p>
              </section>
            )}
          </Show>
          <Checks checks={told.checks} />
          <List title="Commits" items={told.commits} left={count(told, "commits")}>
            {CommitLine}
          </List>
          <List title="Asked of it" items={told.asked} left={count(told, "asked")}>
            {(each) => each.text}
          </List>
          <List title="Decided" items={told.decisions} left={count(told, "decisions")}>
            {(each) => each.text}
          </List>
          <List title="Files" items={told.files} left={count(told, "files")}>
            {(each) => <code>{each}</code>}
          </List>
          <List title="Still to do" items={told.todo} left={count(told, "todo")}>
            {(each) => each}
          </List>
        </>
      )}
    </Shown>
  )
}

export function Evidence(props: Props) {
  return (
    <Shown {...props} load={() => get<Seen>(`/fleet/session/${props.session.id}/evidence`)}>
      {(seen) => (
        <>
          <Show when={seen.claims?.length || seen.checks?.length || seen.commits?.length} fallback={<NothingSeen />}>
            <p role="status">
              {seen.unverified ? "It says things that nothing here shows." : seen.claims?.length ? "What it says is shown by what ran." : "It claims nothing."}
            </p>
          </Show>
          <Show when={seen.claims?.length}>
            <Claims title="What it says" claims={seen.claims!} />
          </Show>
          <Checks checks={seen.checks} />
          <List title="Commits" items={seen.commits}>
            {CommitLine}
          </List>
        </>
      )}
    </Shown>
  )
}

const NothingSeen = () => (
  <div class="empty">
    <h2>No evidence yet</h2>
    <p>Tests, builds and linters that run here, and what the agent says of them, come here.</p>
  </div>
)
