// What an agent asks of a person, with the ways to answer: in the roster, in a session and on a page of its own.
import { createSignal, For, onCleanup, Show } from "solid-js"
import { allow, answer, rejectQuestion, settledAs, settledWords } from "../data/answers"
import { commandOf, asksTo, riskOf } from "../data/risk"
import { createdAt, placeOf, projectName, session } from "../data/roster"
import type { PermissionRequest, QuestionRequest } from "../data/types"
import { age } from "./format"
import { Dialog } from "./dialog"
import { attempt, say } from "./notice"

// A card that goes because somebody else answered says so.
function tellElsewhere(id: string) {
  onCleanup(() => {
    const settled = settledAs(id)
    if (settled && !settled.here) say(settledWords(settled))
  })
}

export function PermissionCard(props: { request: PermissionRequest; why?: string; onDone?: () => void }) {
  const risk = () => riskOf(props.request)
  const where = () => {
    const found = session(props.request.sessionID)
    return found ? projectName(placeOf(found)) : "this project"
  }
  const [confirming, setConfirming] = createSignal(false)
  const [denying, setDenying] = createSignal(false)
  const [always, setAlways] = createSignal(false)
  const [note, setNote] = createSignal("")
  const [busy, setBusy] = createSignal(false)
  let timer: number | undefined
  tellElsewhere(props.request.id)

  const reply = async (how: "once" | "always" | "reject", message?: string) => {
    setBusy(true)
    await attempt(() => allow(props.request, how, message))
    setBusy(false)
    props.onDone?.()
  }
  // What is risky takes a second, worded tap within ten seconds.
  const allowOnce = () => {
    if (!risk().high || confirming()) return void reply("once")
    setConfirming(true)
    clearTimeout(timer)
    timer = window.setTimeout(() => setConfirming(false), 10_000)
  }
  return (
    <section class="card request" classList={{ risky: risk().high }} aria-label="Permission request">
      <header>
        <strong>Asks to {asksTo(props.request)}</strong>
        <Show when={risk().high}>
          <span class="tag danger">High risk</span>
        </Show>
        <span class="quiet">{age(createdAt(props.request.id))}</span>
      </header>
      <pre class="command" tabindex="0" aria-label="What it asks for">
        {commandOf(props.request)}
      </pre>
      <dl class="facts">
        <Show when={props.why}>
          <dt>Why</dt>
          <dd>{props.why} (the agent)</dd>
        </Show>
        <dt>Where</dt>
        <dd class="mono">{session(props.request.sessionID)?.directory ?? ""}</dd>
        <dt>Effect</dt>
        <dd>{risk().effect}</dd>
      </dl>
      <Show
        when={!denying() && !always()}
        fallback={
          <Show
            when={denying()}
            fallback={
              <div class="ask">
                <p>
                  From now on, in {where()}, this runs without asking:
                </p>
                <pre class="command">{props.request.always.join("\n")}</pre>
                <div class="actions">
                  <button class="big" onClick={() => setAlways(false)}>
                    Back
                  </button>
                  <button class="big primary" disabled={busy()} onClick={() => reply("always")}>
                    Always allow this
                  </button>
                </div>
              </div>
            }
          >
            <form
              class="ask"
              onSubmit={(event) => {
                event.preventDefault()
                void reply("reject", note().trim() || undefined)
              }}
            >
              <label>
                What should it do instead? (optional)
                <textarea rows="2" value={note()} onInput={(event) => setNote(event.currentTarget.value)} />
              </label>
              <div class="actions">
                <button class="big" type="button" onClick={() => setDenying(false)}>
                  Back
                </button>
                <button class="big danger" disabled={busy()}>
                  Deny
                </button>
              </div>
            </form>
          </Show>
        }
      >
        <div class="actions">
          <button class="big" disabled={busy()} onClick={() => setDenying(true)}>
            Deny…
          </button>
          <button class="big primary" classList={{ danger: confirming() }} disabled={busy()} onClick={allowOnce}>
            {confirming() ? `Yes: ${risk().effect}` : "Allow once"}
          </button>
        </div>
        <Show when={props.request.always.length > 0}>
          <button class="link" onClick={() => setAlways(true)}>
            Always allow…
          </button>
        </Show>
      </Show>
    </section>
  )
}

export function QuestionCard(props: { request: QuestionRequest; onDone?: () => void }) {
  const [chosen, setChosen] = createSignal<string[][]>(props.request.questions.map(() => []))
  const [own, setOwn] = createSignal<string[]>(props.request.questions.map(() => ""))
  const [busy, setBusy] = createSignal(false)
  tellElsewhere(props.request.id)
  const complete = () => props.request.questions.every((_, index) => chosen()[index]!.length > 0 || own()[index]!.trim())

  const toggle = (index: number, label: string, multiple: boolean) => {
    setChosen((all) =>
      all.map((labels, at) => {
        if (at !== index) return labels
        if (!multiple) return [label]
        return labels.includes(label) ? labels.filter((each) => each !== label) : [...labels, label]
      }),
    )
  }
  const submit = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    const answers = chosen().map((labels, index) => {
      const text = own()[index]!.trim()
      return text ? [...labels, text] : labels
    })
    await attempt(() => answer(props.request, answers))
    setBusy(false)
    props.onDone?.()
  }
  return (
    <form class="card request" aria-label="Question" onSubmit={submit}>
      <For each={props.request.questions}>
        {(question, index) => (
          <fieldset>
            <legend>{question.question}</legend>
            <For each={question.options}>
              {(option) => (
                <label class="option">
                  <input
                    type={question.multiple ? "checkbox" : "radio"}
                    name={`${props.request.id}-${index()}`}
                    checked={chosen()[index()]!.includes(option.label)}
                    onChange={() => toggle(index(), option.label, question.multiple ?? false)}
                  />
                  <span>
                    <strong>{option.label}</strong>
                    <Show when={option.description}>
                      <small>{option.description}</small>
                    </Show>
                  </span>
                </label>
              )}
            </For>
            <Show when={question.custom !== false}>
              <input
                class="own"
                type="text"
                placeholder="Something else…"
                aria-label={`Own answer to: ${question.question}`}
                value={own()[index()]}
                onInput={(event) => setOwn((all) => all.map((each, at) => (at === index() ? event.currentTarget.value : each)))}
              />
            </Show>
          </fieldset>
        )}
      </For>
      <div class="actions">
        <button class="big" type="button" disabled={busy()} onClick={() => attempt(() => rejectQuestion(props.request)).then(() => props.onDone?.())}>
          Skip
        </button>
        <button class="big primary" disabled={busy() || !complete()}>
          Answer
        </button>
      </div>
    </form>
  )
}

export function RequestDialog(props: { permission?: PermissionRequest | undefined; question?: QuestionRequest | undefined; title: string; onClose: () => void }) {
  return (
    <Dialog title={props.title} onClose={props.onClose} class="sheet">
      <Show when={props.permission}>{(request) => <PermissionCard request={request()} onDone={props.onClose} />}</Show>
      <Show when={props.question}>{(request) => <QuestionCard request={request()} onDone={props.onClose} />}</Show>
    </Dialog>
  )
}
