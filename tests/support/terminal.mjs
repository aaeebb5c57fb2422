// A terminal for a program with a full-screen interface: its own tmux server, keys in, text out.
import { execFileSync } from "node:child_process"
import { setTimeout as delay } from "node:timers/promises"

let terminals = 0

// `env` is all the program gets. Throws when tmux is not installed.
export function openTerminal({ command, cwd, env, columns = 150, rows = 45 }) {
  const socket = `quarterdeck-test-${process.pid}-${++terminals}`
  const tmux = (...args) => execFileSync("tmux", ["-L", socket, "-f", "/dev/null", ...args], { encoding: "utf8", env, cwd })
  tmux("new-session", "-d", "-x", String(columns), "-y", String(rows), ...command)
  tmux("set-option", "-g", "remain-on-exit", "on")

  const screen = () => tmux("capture-pane", "-p")
  const terminal = {
    screen,
    // Names as tmux has them: "Enter", "Escape", "C-x".
    keys: (...names) => tmux("send-keys", ...names),
    type: (text) => tmux("send-keys", "-l", "--", text),
    // Polls until `wanted` (text, pattern or predicate) is on the screen.
    async until(wanted, within = 30000) {
      const fits =
        typeof wanted === "string" ? (s) => s.includes(wanted) : wanted instanceof RegExp ? (s) => wanted.test(s) : wanted
      const deadline = Date.now() + within
      for (;;) {
        const text = screen()
        if (fits(text)) return text
        if (Date.now() > deadline) throw new Error(`no ${wanted} on the screen within ${within} ms:\n${text}`)
        await delay(50)
      }
    },
    // Presses until it shows: a key that arrives while the program still draws may be lost.
    async press(names, wanted, within = 30000) {
      const deadline = Date.now() + within
      for (;;) {
        terminal.keys(...names)
        try {
          return await terminal.until(wanted, 3000)
        } catch (error) {
          if (Date.now() > deadline) throw error
        }
      }
    },
    close() {
      try {
        tmux("kill-server")
      } catch {}
    },
  }
  return terminal
}
