// Numbers and times as people read them.
import { createSignal } from "solid-js"

const [now, setNow] = createSignal(Date.now())
export { now }
setInterval(() => document.visibilityState === "visible" && setNow(Date.now()), 5_000)

export function age(since: number): string {
  const seconds = Math.max(0, Math.floor((now() - since) / 1000))
  if (seconds < 10) return "now"
  if (seconds < 60) return `${seconds - (seconds % 5)}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours}h`
  const days = Math.floor(hours / 24)
  return days < 60 ? `${days}d` : `${Math.floor(days / 30)}mo`
}
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}
export const money = (dollars: number) => (dollars > 0 && dollars < 0.01 ? "<$0.01" : `$${dollars.toFixed(2)}`)
export function tokens(count: number): string {
  if (count < 1000) return String(count)
  if (count < 1_000_000) return `${(count / 1000).toFixed(count < 10_000 ? 1 : 0)}k`
  return `${(count / 1_000_000).toFixed(1)}M`
}
export const plural = (count: number, one: string, many = `${one}s`) => `${count} ${count === 1 ? one : many}`
