// Single keys are ours only when nobody types and no dialog is open; they can be turned off (settings).
export const KEYS_OFF = "quarterdeck.keys-off"

export const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || Boolean(target.closest(".xterm")))

export const keyIsFree = (event: KeyboardEvent) =>
  !event.defaultPrevented &&
  !event.metaKey &&
  !event.ctrlKey &&
  !event.altKey &&
  !typing(event.target) &&
  !document.querySelector("dialog[open]") &&
  localStorage.getItem(KEYS_OFF) === null
