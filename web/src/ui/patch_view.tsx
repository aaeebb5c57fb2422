// One file's patch: unified or side by side; a line can be commented on.
import { createMemo, createSignal, For, Show } from "solid-js"
import { type Line, linesOf, type Pair, pairsOf } from "../text/patch"

const LINES_AT_ONCE = 400

export interface LineComment {
  file: string
  line: number
  side: "old" | "new"
  snippet: string
  text: string
}

function Text(props: { line: Line | undefined }) {
  return (
    <Show when={props.line}>
      {(line) => (
        <Show when={line().pieces} fallback={line().text || " "}>
          {(pieces) => <For each={pieces()}>{(piece) => (piece.changed ? <mark>{piece.text}</mark> : piece.text)}</For>}
        </Show>
      )}
    </Show>
  )
}

export function PatchView(props: { patch: string; split?: boolean; onComment?: (line: Line) => void }) {
  const lines = createMemo(() => linesOf(props.patch))
  const [shown, setShown] = createSignal(LINES_AT_ONCE)
  const number = (line: Line | undefined, side: "old" | "new") => (
    <Show when={props.onComment && line && line.kind !== "hunk"} fallback={<td class="no">{line?.[side]}</td>}>
      <td class="no">
        <button aria-label={`Comment on line ${line![side] ?? line!.old ?? line!.new}`} onClick={() => props.onComment!(line!)}>
          {line![side]}
        </button>
      </td>
    </Show>
  )
  return (
    <div class="patch" tabindex="0" role="region" aria-label="Changes">
      <table classList={{ split: props.split ?? false }}>
        <tbody>
          <Show
            when={props.split}
            fallback={
              <For each={lines().slice(0, shown())}>
                {(line) => (
                  <Show when={line.kind !== "hunk"} fallback={<Hunk line={line} columns={4} />}>
                    <tr class={line.kind}>
                      <td class="no">{line.old}</td>
                      {line.kind === "del" ? <td class="no">{commentButton(line)}</td> : number(line, "new")}
                      <td class="sign">{line.kind === "add" ? "+" : line.kind === "del" ? "−" : ""}</td>
                      <td class="line">
                        <Text line={line} />
                      </td>
                    </tr>
                  </Show>
                )}
              </For>
            }
          >
            <For each={pairsOf(lines()).slice(0, shown())}>
              {(pair: Pair) => (
                <Show when={!pair.hunk} fallback={<Hunk line={pair.hunk!} columns={4} />}>
                  <tr>
                    <td class="no">{pair.left?.old}</td>
                    <td class={`line ${pair.left?.kind ?? "none"}`}>
                      <Text line={pair.left} />
                    </td>
                    {number(pair.right, "new")}
                    <td class={`line ${pair.right?.kind ?? "none"}`}>
                      <Text line={pair.right} />
                    </td>
                  </tr>
                </Show>
              )}
            </For>
          </Show>
        </tbody>
      </table>
      <Show when={lines().length > shown()}>
        <button class="more" onClick={() => setShown(shown() + 2000)}>
          Show {lines().length - shown()} more lines
        </button>
      </Show>
    </div>
  )
  function commentButton(line: Line) {
    return (
      <Show when={props.onComment}>
        <button aria-label={`Comment on removed line ${line.old}`} onClick={() => props.onComment!(line)}>
          −
        </button>
      </Show>
    )
  }
}

function Hunk(props: { line: Line; columns: number }) {
  return (
    <tr class="hunk">
      <td colSpan={props.columns}>⋯ {props.line.text}</td>
    </tr>
  )
}
