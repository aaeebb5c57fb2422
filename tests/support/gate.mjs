// A model behind a gate: requests wait in it until the test lets them through to the scripted model, so that a test
// decides when a slot gets free, and sees in which order the server asks.
import { createServer } from "node:http"
import { once } from "node:events"
import { eventually } from "./server.mjs"

const words = (content) => (typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("\n"))

export async function startGate(upstream) {
  const arrivals = []  // every request that came: {text, held}; `text` is what the user said first
  let open = false
  let most = 0
  const held = () => arrivals.filter((each) => each.held)
  const server = createServer(async (request, response) => {
    let body = ""
    for await (const bytes of request) body += bytes
    const said = JSON.parse(body).messages.filter((message) => message.role === "user")
    const arrival = { text: words(said[0]?.content), held: true }
    const released = new Promise((resolve) => (arrival.release = resolve))
    response.on("close", () => {
      arrival.held = false
      arrival.release()
    })
    arrivals.push(arrival)
    most = Math.max(most, held().length)
    if (open) arrival.release()
    await released
    if (response.destroyed) return
    const headers = { ...request.headers }
    delete headers.host
    delete headers["content-length"]
    delete headers.connection
    const answer = await fetch(upstream + request.url, { method: "POST", headers, body })
    const text = await answer.text()
    arrival.held = false
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") })
    response.end(text)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    arrivals,
    held,
    most: () => most,
    // The request that comes next, after so many.
    next: (after) => eventually(() => arrivals[after], 60000),
    open() {
      open = true
      for (const each of held()) each.release()
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
