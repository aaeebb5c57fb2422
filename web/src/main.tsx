// The frame around every screen: navigation, connection, keys, notices.
import { createEffect, createSignal, lazy, Match, onCleanup, onMount, Show, Suspense, Switch } from "solid-js"
import { render } from "solid-js/web"
import "./style/base.css"
import "./style/roster.css"
import { connection, reconnectNow, startLive } from "./data/live"
import { needsCount, nextNeedy, reviewCount, startRoster } from "./data/roster"
import { go, path, sessionPath, startRouting } from "./route"
import Roster from "./screens/roster"
import { applyAppearance } from "./ui/appearance"
import { Dialog } from "./ui/dialog"
import { Icon } from "./ui/icons"
import { keyIsFree } from "./ui/keys"
import { Notices } from "./ui/notice"
import { Palette } from "./ui/palette"

const Session = lazy(() => import("./screens/session"))
const Approval = lazy(() => import("./screens/approval"))
const NewWork = lazy(() => import("./screens/new"))
const Settings = lazy(() => import("./screens/settings"))

const KEYS: [string, string][] = [
  ["j / k", "Next, previous row"],
  ["Enter", "Open"],
  ["a", "Allow once, or look at it first"],
  ["1 … 9", "Choose an answer"],
  ["d", "Deny, with a note"],
  ["r", "Reply"],
  ["p, then 0 … 3", "Priority"],
  [".", "Stop"],
  ["e", "Archive"],
  ["]", "Next that needs you"],
  ["/", "Search"],
  ["c", "New work"],
  ["g n, g r, g s", "Home, review, settings"],
  ["Ctrl or ⌘ K", "Go to anything"],
  ["Ctrl or ⌘ Enter", "Send; with Shift: steer"],
]

function Frame() {
  const [palette, setPalette] = createSignal(false)
  const [help, setHelp] = createSignal(false)
  const [slow, setSlow] = createSignal(false)
  let prefix = 0

  const onKey = (event: KeyboardEvent) => {
    if ((event.metaKey || event.ctrlKey) && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault()
      setPalette(true)
      return
    }
    if (!keyIsFree(event)) return
    if (Date.now() - prefix < 1500) {
      prefix = 0
      const to = { n: "/", r: "/review", s: "/settings" }[event.key]
      if (to) go(to)
      return
    }
    if (event.key === "g") prefix = Date.now()
    else if (event.key === "c") {
      event.preventDefault()
      go("/new")
    } else if (event.key === "?") setHelp(true)
    else if (event.key === "]") {
      const next = nextNeedy(path().split("/")[2])
      if (next) go(sessionPath(next.session.id))
    }
  }
  onMount(() => document.addEventListener("keydown", onKey))
  onCleanup(() => document.removeEventListener("keydown", onKey))

  createEffect(() => {
    document.title = needsCount() ? `(${needsCount()}) Quarterdeck` : "Quarterdeck"
    void (navigator as { setAppBadge?: (count: number) => Promise<void> }).setAppBadge?.(needsCount()).catch(() => undefined)
  })
  // A short drop is nobody's business.
  createEffect(() => {
    if (connection() === "live") return void setSlow(false)
    const timer = setTimeout(() => setSlow(true), 2_000)
    onCleanup(() => clearTimeout(timer))
  })

  const here = (to: string) => (path() === to ? "page" : undefined)
  const screen = () => path().split("/")[1] ?? ""
  return (
    <div class="frame" data-screen={screen() || "home"}>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <nav class="rail" aria-label="Main">
        <a href="/" class="brand" aria-label="Quarterdeck, home">
          <img src="/icon.svg" alt="" width="24" height="24" />
          <span>Quarterdeck</span>
        </a>
        <a href="/" aria-current={here("/")}>
          <Icon name="list" />
          <span>Home</span>
          <Show when={needsCount()}>
            <b class="badge" aria-label={`${needsCount()} need you`}>
              {needsCount()}
            </b>
          </Show>
        </a>
        <a href="/review" aria-current={here("/review")}>
          <Icon name="eye" />
          <span>Review</span>
          <Show when={reviewCount()}>
            <b class="badge soft">{reviewCount()}</b>
          </Show>
        </a>
        <a href="/new" aria-current={here("/new")}>
          <Icon name="plus" />
          <span>New work</span>
          <kbd>c</kbd>
        </a>
        <a href="/settings" aria-current={screen() === "settings" ? "page" : undefined}>
          <Icon name="gear" />
          <span>Settings</span>
        </a>
        <button class="rail-find" onClick={() => setPalette(true)}>
          <Icon name="search" />
          <span>Go to…</span>
          <kbd>⌘K</kbd>
        </button>
      </nav>
      <div class="content">
        <Show when={slow()}>
          <div class="banner offline" role="status">
            {connection() === "connecting" ? "Connecting…" : "Not connected. What you see may be old."}
            <button onClick={reconnectNow}>Try now</button>
          </div>
        </Show>
        <Suspense fallback={<main id="main" class="loading" aria-busy="true"><h1 class="hidden">Loading</h1></main>}>
          <Switch fallback={<Roster />}>
            <Match when={screen() === "s" && path().split("/")[2]} keyed>
              {(id) => <Session id={id} />}
            </Match>
            <Match when={screen() === "a" && path().split("/")[2]} keyed>
              {(id) => <Approval id={id} />}
            </Match>
            <Match when={screen() === "new"}>
              <NewWork />
            </Match>
            <Match when={screen() === "settings"}>
              <Settings />
            </Match>
          </Switch>
        </Suspense>
      </div>
      <Notices />
      <Show when={palette()}>
        <Palette onClose={() => setPalette(false)} />
      </Show>
      <Show when={help()}>
        <Dialog title="Keys" onClose={() => setHelp(false)}>
          <dl class="keys">
            {KEYS.map(([key, does]) => (
              <>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{does}</dd>
              </>
            ))}
          </dl>
        </Dialog>
      </Show>
    </div>
  )
}

applyAppearance()
startRouting()
startLive()
startRoster()
render(() => <Frame />, document.getElementById("app")!)
if ("serviceWorker" in navigator && import.meta.env.PROD) void navigator.serviceWorker.register("/sw.js").catch(() => undefined)
