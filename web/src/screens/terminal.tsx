// A shell in the session's directory. It lives on the server: closing the page does not end it.
import { createSignal, onCleanup, onMount, Show } from "solid-js"
import "@xterm/xterm/css/xterm.css"
import { FitAddon } from "@xterm/addon-fit"
import { Terminal } from "@xterm/xterm"
import { get, post, put, remove } from "../data/http"
import type { Pty, Session } from "../data/types"
import { withoutInlineStyles } from "../ui/terminal_document"

const KEYS: [string, string][] = [
  ["Esc", "\x1b"],
  ["Tab", "\t"],
  ["^C", "\x03"],
  ["^D", "\x04"],
  ["↑", "\x1b[A"],
  ["↓", "\x1b[B"],
  ["←", "\x1b[D"],
  ["→", "\x1b[C"],
]
const ours = (id: string) => `quarterdeck.pty.${id}`

export default function TerminalTab(props: { session: Session }) {
  const [state, setState] = createSignal<"opening" | "open" | "lost" | "ended">("opening")
  const [problem, setProblem] = createSignal("")
  let place!: HTMLDivElement
  let socket: WebSocket | undefined
  let pty: Pty | undefined
  let cursor = 0
  let closed = false
  const directory = props.session.directory
  const dark = () => {
    const chosen = document.documentElement.dataset["theme"]
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches
  }
  const restoreDocument = withoutInlineStyles()
  const terminal = new Terminal({
    fontSize: 13,
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
    scrollback: 5000,
    screenReaderMode: false,
    theme: dark()
      ? { background: "#0e0f11", foreground: "#e8e9eb", cursor: "#e8e9eb", cursorAccent: "#0e0f11", selectionBackground: "#3b4a6b" }
      : { background: "#f3f3f1", foreground: "#1b1c1e", cursor: "#1b1c1e", cursorAccent: "#f3f3f1", selectionBackground: "#c5d3f5", yellow: "#8a5300", brightYellow: "#8a5300", green: "#146c3a", brightGreen: "#146c3a", white: "#5d6066", brightWhite: "#1b1c1e" },
  })
  const fit = new FitAddon()
  terminal.loadAddon(fit)

  const open = async () => {
    setProblem("")
    try {
      const known = localStorage.getItem(ours(props.session.id))
      if (known && !pty) pty = await get<Pty>(`/pty/${known}`, { directory }).catch(() => undefined)
      if (pty?.status === "exited") pty = undefined
      if (!pty) {
        pty = await post<Pty>("/pty", { cwd: directory, title: props.session.title }, { directory })
        localStorage.setItem(ours(props.session.id), pty.id)
      }
      connect(pty.id)
    } catch (error) {
      setProblem((error as Error).message)
      setState("lost")
    }
  }
  const connect = async (id: string) => {
    const { ticket } = await post<{ ticket: string }>(`/pty/${id}/connect-token`, {}, { directory, headers: { "x-opencode-ticket": "1" } })
    const query = new URLSearchParams({ directory, ticket, cursor: String(cursor) })
    const scheme = location.protocol === "https:" ? "wss" : "ws"
    socket = new WebSocket(`${scheme}://${location.host}/pty/${id}/connect?${query}`)
    socket.binaryType = "arraybuffer"
    socket.onopen = () => {
      setState("open")
      resize()
      if (matchMedia("(pointer: fine)").matches) terminal.focus()
    }
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") {
        cursor += data.length
        terminal.write(data)
        return
      }
      // Beside the text: where in the output we are.
      const bytes = new Uint8Array(data as ArrayBuffer)
      if (bytes[0] !== 0) return terminal.write(bytes)
      try {
        const meta = JSON.parse(new TextDecoder().decode(bytes.subarray(1))) as { cursor?: number }
        if (typeof meta.cursor === "number") cursor = meta.cursor
      } catch {
        return
      }
    }
    socket.onclose = async () => {
      if (closed) return
      const still = await get<Pty>(`/pty/${id}`, { directory }).catch(() => undefined)
      if (still?.status === "running") {
        setState("lost")
        setTimeout(() => !closed && connect(id).catch(() => setState("lost")), 1500)
      } else {
        setState("ended")
        pty = undefined
        cursor = 0
        localStorage.removeItem(ours(props.session.id))
      }
    }
  }
  const resize = () => {
    fit.fit()
    if (pty && state() === "open") void put(`/pty/${pty.id}`, { size: { cols: terminal.cols, rows: terminal.rows } }, { directory }).catch(() => undefined)
  }
  const type = (text: string) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(text)
  }
  onMount(() => {
    terminal.open(place)
    fit.fit()
    const watch = new ResizeObserver(() => resize())
    watch.observe(place)
    terminal.onData(type)
    void open()
    onCleanup(() => {
      closed = true
      watch.disconnect()
      socket?.close()
      terminal.dispose()
      restoreDocument()
    })
  })
  const end = async () => {
    if (pty) await remove(`/pty/${pty.id}`, { directory }).catch(() => undefined)
  }
  return (
    <div class="terminal-tab">
      <div class="terminal-head">
        <span class="quiet mono">{directory}</span>
        <Show when={state() === "open"}>
          <button onClick={end}>End shell</button>
        </Show>
        <Show when={state() === "ended"}>
          <span>The shell has ended.</span>
          <button
            class="primary"
            onClick={() => {
              terminal.reset()
              setState("opening")
              void open()
            }}
          >
            New shell
          </button>
        </Show>
        <Show when={state() === "lost"}>
          <span class="warn">{problem() || "Connecting again…"}</span>
          <button onClick={() => void open()}>Try now</button>
        </Show>
      </div>
      <div class="terminal" ref={place} />
      <div class="terminal-keys" role="toolbar" aria-label="Keys">
        {KEYS.map(([name, bytes]) => (
          <button
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => {
              type(bytes)
              terminal.focus()
            }}
          >
            {name}
          </button>
        ))}
      </div>
    </div>
  )
}
