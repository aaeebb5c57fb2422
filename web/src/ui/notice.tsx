// Short notices at the bottom: what was done, or why it was not. One at a time for screen readers.
import { createSignal, For } from "solid-js"

interface Notice {
  id: number
  text: string
  bad: boolean
  undo?: () => void
}
const [notices, setNotices] = createSignal<Notice[]>([])
let next = 0

export function say(text: string, more: { bad?: boolean; undo?: () => void } = {}) {
  const notice: Notice = { id: ++next, text, bad: more.bad ?? false, ...(more.undo ? { undo: more.undo } : {}) }
  setNotices((all) => [...all.slice(-2), notice])
  setTimeout(() => dismiss(notice.id), more.undo ? 20_000 : more.bad ? 9_000 : 5_000)
}
const dismiss = (id: number) => setNotices((all) => all.filter((each) => each.id !== id))

// Runs an act and says it when it fails.
export async function attempt<T>(act: () => Promise<T>, done?: string): Promise<T | undefined> {
  try {
    const value = await act()
    if (done) say(done)
    return value
  } catch (error) {
    say((error as Error).message, { bad: !(error as { calm?: boolean }).calm })
    return undefined
  }
}

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      <For each={notices()}>
        {(notice) => (
          <div class="notice" classList={{ bad: notice.bad }}>
            <span>{notice.text}</span>
            {notice.undo && (
              <button
                class="link"
                onClick={() => {
                  notice.undo?.()
                  dismiss(notice.id)
                }}
              >
                Undo
              </button>
            )}
          </div>
        )}
      </For>
    </div>
  )
}
