// Light, dark or as the system; kept with this browser.
export type Theme = "system" | "light" | "dark"
const KEY = "quarterdeck.theme"

export const theme = (): Theme => (localStorage.getItem(KEY) as Theme | null) ?? "system"
export function setTheme(value: Theme) {
  if (value === "system") localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, value)
  applyAppearance()
}
export function applyAppearance() {
  const chosen = theme()
  if (chosen === "system") delete document.documentElement.dataset["theme"]
  else document.documentElement.dataset["theme"] = chosen
}
