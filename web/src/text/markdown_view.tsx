import { createEffect, createMemo, For, onMount } from "solid-js"
import { highlight } from "./highlight"
import { type Block, blocksOf } from "./markdown"

function BlockView(props: { block: Block }) {
  let element!: HTMLDivElement
  onMount(() => {
    for (const code of element.querySelectorAll<HTMLElement>("pre > code")) {
      const text = code.textContent ?? ""
      const copy = document.createElement("button")
      copy.className = "copy"
      copy.textContent = "Copy"
      copy.onclick = () => {
        void navigator.clipboard?.writeText(text)
        copy.textContent = "Copied"
        setTimeout(() => (copy.textContent = "Copy"), 1500)
      }
      code.parentElement!.append(copy)
      void highlight(text, code.dataset["lang"] ?? "").then((html) => {
        if (html !== undefined && code.isConnected) code.innerHTML = html
      })
    }
  })
  return <div ref={element} class="block" innerHTML={props.block.html} />
}

export function Markdown(props: { text: string }) {
  const blocks = createMemo<Block[]>((before) => blocksOf(props.text, before), [])
  return (
    <div class="markdown">
      <For each={blocks()}>{(block) => <BlockView block={block} />}</For>
    </div>
  )
}

// Code of a known language, coloured when the worker has done it.
export function Code(props: { text: string; language: string }) {
  let element!: HTMLElement
  createEffect(() => {
    const { text, language } = props
    element.textContent = text
    void highlight(text, language).then((html) => {
      if (html !== undefined && element.isConnected && element.textContent === text) element.innerHTML = html
    })
  })
  return <code ref={element} />
}
