// How much care an approval needs, until the server says it: what looks like it reaches beyond the worktree opens a
// sheet with a second step instead of being allowed by one tap.
import type { PermissionRequest } from "./types"

const DANGEROUS: [RegExp, string][] = [
  [/\b(kubectl|helm|terraform|pulumi|ansible|aws|gcloud|az|heroku|fly|vercel)\b/, "may change production"],
  [/\bgit\s+push\b/, "publishes commits"],
  [/\b(sudo|su|doas)\b/, "runs as another user"],
  [/\brm\s+(-\w*[rf]\w*\s+)+(\/|~|\.\.|\$)/, "deletes outside the project"],
  [/\b(mkfs|dd|shutdown|reboot|systemctl|killall)\b/, "changes the machine"],
  [/\b(drop|truncate)\s+(table|database|schema)\b/i, "deletes data"],
  [/\b(curl|wget)\b.*\|\s*(ba|z|da)?sh\b/, "runs what it downloads"],
  [/\b(npm|cargo|twine|gem)\s+publish\b/, "publishes a package"],
  [/\b(ssh|scp|rsync)\b/, "reaches another machine"],
]

export interface Risk {
  high: boolean
  effect: string
}

export const commandOf = (request: PermissionRequest): string => {
  const meta = request.metadata as Record<string, unknown>
  for (const key of ["command", "filepath", "filePath", "url", "path"]) if (typeof meta[key] === "string") return meta[key]
  return request.patterns.join("\n")
}

const EFFECT: Record<string, string> = {
  bash: "runs a command",
  edit: "changes files of the project",
  write: "changes files of the project",
  webfetch: "reads from the network",
  external_directory: "reaches outside the project",
  doom_loop: "repeats itself",
}

export function riskOf(request: PermissionRequest): Risk {
  const text = commandOf(request)
  if (request.permission === "bash") {
    const found = DANGEROUS.find(([pattern]) => pattern.test(text))
    if (found) return { high: true, effect: found[1] }
  }
  return { high: request.permission === "external_directory", effect: EFFECT[request.permission] ?? `uses ${request.permission}` }
}

export const asksTo = (request: PermissionRequest): string =>
  ({
    bash: "run",
    edit: "edit",
    write: "write",
    webfetch: "fetch",
    read: "read",
    external_directory: "use, outside the project,",
    doom_loop: "go on repeating",
  })[request.permission] ?? `use ${request.permission}:`
