// A chat service that speaks as much of Nextcloud Talk's protocol as a bridge needs: one room, long polling, editing.
import { createServer } from "node:http"
import { once } from "node:events"

// `url`; `say(text)` as the user "ada"; `said()`: what others have said, as it reads now.
export async function openTalk() {
  const messages = [{ id: 1, actorId: "ada", actorType: "users", actorDisplayName: "Ada", message: "first", timestamp: 1 }]
  let wake = []
  let polled
  const listening = new Promise((resolve) => (polled = resolve))
  const post = (actorId, message) => {
    const added = { id: messages.at(-1).id + 1, actorId, actorType: "users", actorDisplayName: actorId, message, timestamp: 1 }
    messages.push(added)
    for (const go of wake.splice(0)) go()
    return added
  }
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://talk")
    let body = ""
    for await (const bytes of request) body += bytes
    const text = new URLSearchParams(body).get("message") ?? ""
    const [, id] = pathname.match(/\/chat\/room\/?(\d+)?$/) ?? []
    let data = null
    if (request.method === "POST" && !pathname.endsWith("/read")) data = post("bridge", text)
    else if (request.method === "PUT") (data = messages.find((m) => m.id === Number(id))).message = text
    else if (request.method === "GET" && searchParams.get("lookIntoFuture") === "1") {
      polled()
      const news = () => messages.filter((m) => m.id > Number(searchParams.get("lastKnownMessageId")))
      if (news().length === 0) {
        await new Promise((resolve) => {
          wake.push(resolve)
          setTimeout(resolve, 5000).unref()
        })
      }
      data = news()
    } else if (request.method === "GET") data = messages.slice(-1)
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ ocs: { meta: { status: "ok", statuscode: 200 }, data } }))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    listening,
    say: (text) => post("ada", text),
    said: () => messages.filter((m) => m.actorId === "bridge").map((m) => m.message),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
