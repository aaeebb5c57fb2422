// One request on a page of its own: what a notification opens.
import { createSignal, onMount, Show } from "solid-js"
import { settledAs, settledWords } from "../data/answers"
import { entry, loaded, permissionsOf, questionsOf, requestByID, rootOf } from "../data/roster"
import type { PermissionRequest, QuestionRequest } from "../data/types"
import { sessionPath } from "../route"
import { PermissionCard, QuestionCard } from "../ui/request_card"

export default function Approval(props: { id: string }) {
  const [seen, setSeen] = createSignal("")
  const request = () => {
    const found = requestByID(props.id)
    if (found) setSeen(rootOf(found.sessionID))
    return found
  }
  onMount(() => request())
  const permission = () => (request() && "permission" in request()! ? (request() as PermissionRequest) : undefined)
  const question = () => (request() && "questions" in request()! ? (request() as QuestionRequest) : undefined)
  const root = () => seen()
  return (
    <main class="page" id="main">
      <Show when={root() ? entry(root()) : undefined} fallback={<h1>Request</h1>}>
        {(found) => (
          <h1>
            <a href={sessionPath(found().session.id)}>{found().session.title}</a>
          </h1>
        )}
      </Show>
      <Show when={permission()} keyed>
        {(each) => <PermissionCard request={each} />}
      </Show>
      <Show when={question()} keyed>
        {(each) => <QuestionCard request={each} />}
      </Show>
      <Show when={!request() && loaded()}>
        <p role="status">
          <Show when={settledAs(props.id)} fallback="This request is closed: it was answered, or the session went on without it.">
            {(settled) => `${settledWords(settled())}.`}
          </Show>
        </p>
        <Show when={root() && permissionsOf(root()).length + questionsOf(root()).length > 0}>
          <p>The session waits for something else: open it.</p>
        </Show>
        <a class="button primary" href={root() ? sessionPath(root()) : "/"}>
          {root() ? "Open the session" : "Home"}
        </a>
      </Show>
    </main>
  )
}
