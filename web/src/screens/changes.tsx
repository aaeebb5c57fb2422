// What a session changed, file by file, as a whole, by step or by commit; comments on lines go to the agent as one message,
// and the files can be taken back to what they were after any step.
import { createResource, createSignal, For, Show } from "solid-js"
import { get, post } from "../data/http"
import { send } from "../data/roster"
import type { FileDiff, FleetCommit, FleetCommits, FleetComparison, FleetRolledBack, Session } from "../data/types"
import { byFile, type Line } from "../text/patch"
import { Dialog } from "../ui/dialog"
import { age, plural } from "../ui/format"
import { Icon } from "../ui/icons"
import { attempt, say } from "../ui/notice"
import { type LineComment, PatchView } from "../ui/patch_view"

const SPLIT = "quarterdeck.split"
const FOLDED_LINES = 500

// Everything since a checkpoint that has none before it; else what the step, or the commit, did.
const rangeOf = (each: FleetCommit) => (each.parent && each.kind !== "start" ? `${each.parent}..${each.id}` : `${each.id}..now`)
const titleOf = (each: FleetCommit) => {
  if (each.kind === "start") return "Everything since the first step"
  if (each.kind === "before_rollback") return "Before a roll back"
  if (each.kind === "rollback") return "Rolled back"
  return each.title || each.id.slice(0, 8)
}

async function compared(session: string, range: string): Promise<FileDiff[]> {
  const found = await get<FleetComparison>(`/fleet/session/${session}/commits/${range}`)
  const patches = byFile(found.patch)
  return found.files.map((each) => ({ ...each, ...(patches.has(each.file) ? { patch: patches.get(each.file)! } : {}) }) as FileDiff)
}

export default function Changes(props: { session: Session; onReviewed: () => void; onSent: () => void }) {
  const [scope, setScope] = createSignal("session")
  const [asking, setAsking] = createSignal<FleetCommit>() // whether to roll back to it
  const [rolled, setRolled] = createSignal(0)
  const [work, { refetch: lookAgain }] = createResource(
    () => `${props.session.id} ${props.session.time.updated} ${rolled()}`,
    () => get<FleetCommits>(`/fleet/session/${props.session.id}/commits`).catch(() => undefined),
  )
  const checkpoints = () => work.latest?.checkpoints ?? []
  const commits = () => work.latest?.commits ?? []
  const chosen = () => checkpoints().find((each) => rangeOf(each) === scope())
  const [diffs, { refetch }] = createResource(
    () => ({ scope: scope(), at: props.session.time.updated, id: props.session.id, rolled: rolled() }),
    ({ scope, id }) => {
      if (scope === "session") return get<FileDiff[]>(`/session/${id}/diff`)
      if (scope.includes("..")) return compared(id, scope)
      return get<FileDiff[]>("/vcs/diff", { directory: props.session.directory, query: { mode: scope } })
    },
  )
  const rollBack = async (to: string) => {
    const done = await attempt(() => post<FleetRolledBack>(`/fleet/session/${props.session.id}/rollback`, { to }))
    setAsking(undefined)
    if (!done) return
    setRolled(rolled() + 1)
    void lookAgain()
    const left = done.left.length ? `; ${plural(done.left.length, "file")} stay as they are` : ""
    say(`Rolled back${left}`, { undo: () => void rollBack(done.undo) })
  }
  const [split, setSplit] = createSignal(localStorage.getItem(SPLIT) === "1" && window.innerWidth > 1000)
  const [comments, setComments] = createSignal<LineComment[]>([])
  const [writing, setWriting] = createSignal<{ file: string; line: Line }>()
  const [words, setWords] = createSignal("")
  const [closed, setClosed] = createSignal<Record<string, boolean>>({})

  const list = () => (diffs.error ? [] : (diffs.latest ?? []))
  const total = (key: "additions" | "deletions") => list().reduce((sum, each) => sum + (each[key] ?? 0), 0)
  const folded = (each: FileDiff) => closed()[each.file ?? ""] ?? (each.additions ?? 0) + (each.deletions ?? 0) > FOLDED_LINES
  const add = () => {
    const at = writing()
    if (!at || !words().trim()) return
    const side = at.line.kind === "del" ? "old" : "new"
    setComments([...comments(), { file: at.file, line: (side === "old" ? at.line.old : at.line.new) ?? 0, side, snippet: at.line.text, text: words().trim() }])
    setWords("")
    setWriting(undefined)
  }
  const sendBack = async () => {
    const text = ["Review comments:", ...comments().map((each) => `\n${each.file}:${each.line}${each.side === "old" ? " (removed line)" : ""}\n> ${each.snippet.trim()}\n${each.text}`)].join("\n")
    const done = await attempt(() => send(props.session.id, "queue", { text }, `review-${crypto.randomUUID?.() ?? Date.now()}`), "Sent to the agent")
    if (!done) return
    setComments([])
    props.onSent()
  }
  return (
    <div class="changes">
      <div class="changes-head">
        <select aria-label="What to compare" value={scope()} onChange={(event) => setScope(event.currentTarget.value)}>
          <option value="session">This session</option>
          <option value="git">Not committed</option>
          <option value="branch">Whole branch</option>
          <Show when={commits().length}>
            <optgroup label="Commits">
              <For each={commits()}>{(each) => <option value={rangeOf(each)}>{`${each.id.slice(0, 8)} ${titleOf(each)}`}</option>}</For>
            </optgroup>
          </Show>
          <Show when={checkpoints().length}>
            <optgroup label="Steps">
              <For each={checkpoints()}>{(each) => <option value={rangeOf(each)}>{`${titleOf(each)} (${age(each.created_at)})`}</option>}</For>
            </optgroup>
          </Show>
        </select>
        <Show when={chosen()}>
          {(each) => (
            <button onClick={() => setAsking(each())}>
              Roll back…
            </button>
          )}
        </Show>
        <span class="num">
          {plural(list().length, "file")} <span class="plus">+{total("additions")}</span> <span class="minus">−{total("deletions")}</span>
        </span>
        <label class="switch wide-only">
          <input
            type="checkbox"
            checked={split()}
            onChange={(event) => {
              setSplit(event.currentTarget.checked)
              localStorage.setItem(SPLIT, event.currentTarget.checked ? "1" : "0")
            }}
          />
          Side by side
        </label>
      </div>
      <Show when={diffs.error}>
        <div class="banner bad" role="alert">
          {(diffs.error as Error).message} <button onClick={() => refetch()}>Retry</button>
        </div>
      </Show>
      <Show when={!diffs.loading && !diffs.error && !list().length}>
        <div class="empty">
          <h2>No changes</h2>
          <p>{scope() === "session" ? "This session has changed no file." : "Nothing differs here."}</p>
        </div>
      </Show>
      <For each={list()}>
        {(each) => (
          <section class="file" aria-label={each.file}>
            <h2>
              <button class="file-head" aria-expanded={!folded(each)} onClick={() => setClosed({ ...closed(), [each.file ?? ""]: !folded(each) })}>
                <Icon name="chevron" class="fold" />
                <span class="mono file-name">{each.file}</span>
                <Show when={each.status && each.status !== "modified"}>
                  <span class="tag">{each.status}</span>
                </Show>
                <span class="num">
                  <span class="plus">+{each.additions}</span> <span class="minus">−{each.deletions}</span>
                </span>
              </button>
            </h2>
            <Show when={!folded(each)}>
              <Show when={each.patch} fallback={<p class="quiet none">Too large or not text; it is not shown here.</p>}>
                <PatchView patch={each.patch!} split={split()} onComment={(line) => setWriting({ file: each.file ?? "", line })} />
              </Show>
            </Show>
            <For each={comments().filter((comment) => comment.file === each.file)}>
              {(comment) => (
                <div class="comment">
                  <span class="quiet">Line {comment.line}</span> {comment.text}
                  <button class="ghost" aria-label="Remove the comment" onClick={() => setComments(comments().filter((other) => other !== comment))}>
                    <Icon name="cross" />
                  </button>
                </div>
              )}
            </For>
            <Show when={writing()?.file === each.file && writing()}>
              {(at) => (
                <form
                  class="comment-form"
                  onSubmit={(event) => {
                    event.preventDefault()
                    add()
                  }}
                >
                  <label>
                    Comment on line {at().line.new ?? at().line.old}
                    <textarea rows="2" value={words()} onInput={(event) => setWords(event.currentTarget.value)} ref={(element) => queueMicrotask(() => element.focus())} />
                  </label>
                  <div class="actions">
                    <button type="button" onClick={() => setWriting(undefined)}>
                      Cancel
                    </button>
                    <button class="primary" disabled={!words().trim()}>
                      Add comment
                    </button>
                  </div>
                </form>
              )}
            </Show>
          </section>
        )}
      </For>
      <Show when={asking()}>
        {(each) => (
          <Dialog title="Roll the files back?" onClose={() => setAsking(undefined)}>
            <p>
              They become what they were {each().kind === "start" ? "before the first step" : `after “${titleOf(each())}”`}, byte for byte. Branch, commits and ignored files stay. It can be undone.
            </p>
            <div class="actions">
              <button class="big" onClick={() => setAsking(undefined)}>
                Keep
              </button>
              <button class="big danger" onClick={() => void rollBack(each().id)}>
                Roll back
              </button>
            </div>
          </Dialog>
        )}
      </Show>
      <Show when={list().length}>
        <footer class="changes-foot">
          <button class="big" disabled={!comments().length} onClick={sendBack}>
            Send back ({comments().length})
          </button>
          <button class="big primary" onClick={props.onReviewed}>
            Mark reviewed
          </button>
        </footer>
      </Show>
    </div>
  )
}
