// A model behind a gate: requests wait in it until the test lets them through to the scripted model, so that a test
// decides when a slot gets free, and sees in which order the server asks.
import { createServer } from "node:http"
import { once } from "node:events"
import { eventually } from "./server.mjs"

const words = (content) => (typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("\n"))

export async function startGate(upstream) {
  const arrivals = []  // every request that came; `text` is what the user said first
  let open = false
  let most = 0
  const running = () => arrivals.filter((each) => !each.over)
  const waiting = () => arrivals.filter((each) => !each.over && !each.released)
  const server = createServer(async (request, response) => {
    let body = ""
    for await (const bytes of request) body += bytes
    const said = JSON.parse(body).messages.filter((message) => message.role === "user")
    const arrival = { text: words(said[0]?.content), released: false, over: false }
    const released = new Promise((resolve) => {
      arrival.release = () => {
        arrival.released = true
        resolve()
      }
    })
    response.on("close", () => {
      arrival.over = true
      arrival.release()
    })
    arrivals.push(arrival)
    most = Math.max(most, running().length)
    if (open) arrival.release()
    await released
    if (response.destroyed) return
    const headers = { ...request.headers }
    delete headers.host
    delete headers["content-length"]
    delete headers.connection
    const answer = await fetch(upstream + request.url, { method: "POST", headers, body })
    const text = await answer.text()
    arrival.over = true
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") })
    response.end(text)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    arrivals,
    waiting,
    most: () => most,
    // The request that comes next, after so many.
    next: (after) => eventually(() => arrivals[after], 60000),
    open() {
      open = true
      for (const each of waiting()) each.release()
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
