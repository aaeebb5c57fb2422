// A modal dialog by the browser's own element: focus stays in and returns, Escape closes.
import { type JSX, onCleanup, onMount } from "solid-js"

export function Dialog(props: { title: string; class?: string; hideTitle?: boolean; onClose: () => void; children: JSX.Element }) {
  let element!: HTMLDialogElement
  const before = document.activeElement as HTMLElement | null
  onMount(() => element.showModal())
  onCleanup(() => before?.focus?.())
  return (
    <dialog
      ref={element}
      class={`dialog ${props.class ?? ""}`}
      aria-label={props.title}
      onClose={() => props.onClose()}
      onClick={(event) => event.target === element && element.close()}
    >
      <div class="dialog-body">
        <h2 classList={{ hidden: props.hideTitle ?? false }}>{props.title}</h2>
        {props.children}
      </div>
    </dialog>
  )
}
