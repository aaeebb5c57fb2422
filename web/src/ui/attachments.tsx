// Files that go with a prompt: read into data URLs, listed with a way to take each back.
import { For, Show } from "solid-js"
import { Icon } from "./icons"
import { say } from "./notice"

const ATTACHMENT_BYTES_MAX = 5 * 1024 * 1024

export interface Attachment {
  mime: string
  filename: string
  url: string
}

export async function readFiles(files: Iterable<File>): Promise<Attachment[]> {
  const out: Attachment[] = []
  for (const file of files) {
    if (file.size > ATTACHMENT_BYTES_MAX) {
      say(`${file.name} is larger than 5 MB`, { bad: true })
      continue
    }
    const url = await new Promise<string>((resolve) => {
      const reader = new FileReader()
      reader.onload = () => resolve(reader.result as string)
      reader.readAsDataURL(file)
    })
    out.push({ mime: file.type || "text/plain", filename: file.name, url })
  }
  return out
}

export function Attachments(props: { files: Attachment[]; remove: (file: Attachment) => void }) {
  return (
    <Show when={props.files.length}>
      <ul class="attachments">
        <For each={props.files}>
          {(file) => (
            <li>
              <Icon name="file" /> {file.filename}
              <button type="button" class="ghost" aria-label={`Remove ${file.filename}`} onClick={() => props.remove(file)}>
                <Icon name="cross" />
              </button>
            </li>
          )}
        </For>
      </ul>
    </Show>
  )
}
