// A tool call as one line that opens: its command and live output, its diff, or what it said.
import { createMemo, createSignal, For, Match, Show, Switch } from "solid-js"
import { toolLine } from "../data/roster"
import type { ToolPart } from "../data/types"
import { sessionPath } from "../route"
import { Code } from "../text/markdown_view"
import { languageOf } from "../text/highlight"
import { duration, now } from "./format"
import { Icon, type IconName } from "./icons"
import { PatchView } from "./patch_view"

const ICONS: Record<string, IconName> = {
  bash: "terminal", read: "file", write: "file", edit: "file", apply_patch: "file", grep: "search", glob: "search", list: "folder",
  task: "bot", todowrite: "list", question: "question", webfetch: "search",
}
const OUTPUT_SHOWN = 20_000

export function ToolView(props: { part: ToolPart; waiting?: boolean }) {
  const state = () => props.part.state as Record<string, any> & { status: string }
  const input = () => (state()["input"] ?? {}) as Record<string, any>
  const meta = () => (state()["metadata"] ?? {}) as Record<string, any>
  const failed = () => state().status === "error"
  const running = () => state().status === "running" || state().status === "pending"
  const [opened, setOpened] = createSignal<boolean>()
  const patch = createMemo(() => (typeof meta()["diff"] === "string" ? (meta()["diff"] as string) : undefined))
  // What changes files or still runs is shown; what was only looked at is one line.
  const open = () => opened() ?? (patch() !== undefined && !failed() ? true : props.part.tool === "bash" && running())
  const output = createMemo(() => {
    const text = String(running() ? (meta()["output"] ?? "") : (state()["output"] ?? state()["error"] ?? meta()["output"] ?? ""))
    return text.length > OUTPUT_SHOWN ? `…\n${text.slice(-OUTPUT_SHOWN)}` : text
  })
  const line = () => toolLine(props.part.tool, input(), state()["title"]) || props.part.tool
  const counts = createMemo(() => {
    const text = patch()
    if (!text) return undefined
    const lines = text.split("\n")
    return {
      plus: lines.filter((each) => each.startsWith("+") && !each.startsWith("+++")).length,
      minus: lines.filter((each) => each.startsWith("-") && !each.startsWith("---")).length,
    }
  })
  const took = () => {
    const time = state()["time"] as { start: number; end?: number } | undefined
    if (!time) return ""
    const ms = (time.end ?? now()) - time.start
    return ms > 1000 ? duration(ms) : ""
  }
  const child = () => meta()["sessionId"] ?? meta()["sessionID"]
  const word = () => (failed() ? "failed" : props.waiting ? "waits for you" : running() ? "running" : "")
  return (
    <div class="tool" data-status={props.waiting ? "waiting" : state().status}>
      <button class="tool-head" aria-expanded={open()} onClick={() => setOpened(!open())}>
        <Icon name="chevron" class="fold" />
        <Icon name={ICONS[props.part.tool] ?? "gear"} />
        <span class="tool-line">{line()}</span>
        <Show when={counts()}>
          {(count) => (
            <span class="num">
              <span class="plus">+{count().plus}</span> <span class="minus">−{count().minus}</span>
            </span>
          )}
        </Show>
        <Show when={word()}>
          <span class="tool-word">{word()}</span>
        </Show>
        <span class="num quiet">{took()}</span>
      </button>
      <Show when={child()}>
        <a class="child-link" href={sessionPath(String(child()))}>
          Open the subagent's session
        </a>
      </Show>
      <Show when={open()}>
        <div class="tool-body">
          <Switch
            fallback={
              <>
                <Show when={props.part.tool === "bash" && input()["command"]}>
                  <pre class="shell" tabindex="0">
                    <span class="prompt">$ </span>
                    {input()["command"]}
                  </pre>
                </Show>
                <Show when={output()} fallback={<p class="quiet none">{running() ? "No output yet" : "No output"}</p>}>
                  <pre class="output" tabindex="0" aria-label="Output" ref={(element) => tail(element, output)}>
                    {output()}
                  </pre>
                </Show>
              </>
            }
          >
            <Match when={patch() && !failed()}>
              <PatchView patch={patch()!} />
            </Match>
            <Match when={props.part.tool === "todowrite" && Array.isArray(input()["todos"])}>
              <TodoList todos={input()["todos"]} />
            </Match>
            <Match when={props.part.tool === "write" && input()["content"] && !failed()}>
              <pre class="output" tabindex="0">
                <Code text={String(input()["content"]).slice(0, OUTPUT_SHOWN)} language={languageOf(String(input()["filePath"] ?? ""))} />
              </pre>
            </Match>
          </Switch>
        </div>
      </Show>
    </div>
  )
}

// Follows what is appended while the end is in view.
function tail(element: HTMLElement, text: () => string) {
  let stick = true
  element.addEventListener("scroll", () => (stick = element.scrollHeight - element.scrollTop - element.clientHeight < 24))
  const follow = () => stick && (element.scrollTop = element.scrollHeight)
  new MutationObserver(follow).observe(element, { childList: true, characterData: true, subtree: true })
  requestAnimationFrame(follow)
  void text
}

const MARK: Record<string, string> = { completed: "✓", in_progress: "▸", pending: "○", cancelled: "–" }
const WORD: Record<string, string> = { completed: "done", in_progress: "now", pending: "to do", cancelled: "dropped" }

export function TodoList(props: { todos: { content: string; status: string }[] }) {
  return (
    <ul class="todo">
      <For each={props.todos}>
        {(each) => (
          <li data-status={each.status}>
            <span aria-hidden="true">{MARK[each.status] ?? "○"}</span>
            <span class="hidden">{WORD[each.status] ?? each.status}: </span>
            {each.content}
          </li>
        )}
      </For>
    </ul>
  )
}
