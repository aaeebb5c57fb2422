// Asks the worker to colour code; the answer is HTML made of spans alone, or nothing for a language it does not know.
const BYTES_MAX = 100_000
let worker: Worker | undefined
let next = 0
const waiting = new Map<number, (html: string | undefined) => void>()
const done = new Map<string, string>() // the newest few hundred

export function highlight(code: string, language: string): Promise<string | undefined> {
  if (!language || code.length > BYTES_MAX) return Promise.resolve(undefined)
  const key = `${language}\n${code}`
  const known = done.get(key)
  if (known !== undefined) return Promise.resolve(known)
  if (!worker) {
    worker = new Worker(new URL("./highlight.worker.ts", import.meta.url), { type: "module" })
    worker.onmessage = ({ data }: MessageEvent<{ id: number; html?: string }>) => {
      waiting.get(data.id)?.(data.html)
      waiting.delete(data.id)
    }
  }
  return new Promise((resolve) => {
    const id = ++next
    waiting.set(id, (html) => {
      if (html !== undefined) {
        done.set(key, html)
        if (done.size > 300) done.delete(done.keys().next().value!)
      }
      resolve(html)
    })
    worker!.postMessage({ id, code, language })
  })
}

export const languageOf = (file: string) => {
  const name = file.split("/").pop() ?? ""
  if (/^(Dockerfile|Containerfile)/.test(name)) return "dockerfile"
  const end = name.split(".").pop()?.toLowerCase() ?? ""
  return { ts: "typescript", js: "javascript", py: "python", rb: "ruby", rs: "rust", sh: "bash", yml: "yaml", md: "markdown", html: "xml", kt: "kotlin", cs: "csharp" }[end] ?? end
}
