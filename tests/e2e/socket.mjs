// A WebSocket of a test: what comes is kept, and can be waited for.
import WebSocket from "ws"

// Resolves when it is open; rejects with {status} when the server refuses.
export function socket(url, { headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const connection = new WebSocket(url.replace(/^http/, "ws"), { headers })
    const messages = []
    const waiting = new Set()
    let closed
    const check = () => {
      for (const look of [...waiting]) look()
    }
    connection.on("message", (data, isBinary) => {
      messages.push(isBinary ? { binary: data } : { text: data.toString() })
      check()
    })
    connection.on("close", (code, reason) => {
      closed = { code, reason: reason.toString() }
      check()
    })
    connection.on("error", () => {})
    connection.on("unexpected-response", (request, response) => {
      response.resume()
      reject(Object.assign(new Error(`refused with ${response.statusCode}`), { status: response.statusCode }))
    })
    const until = (what, within = 10000) =>
      new Promise((found, failed) => {
        const timer = setTimeout(() => {
          waiting.delete(look)
          failed(new Error(`not within ${within} ms: ${what}; got ${JSON.stringify(messages)}`))
        }, within)
        const look = () => {
          const value = what()
          if (!value) return
          clearTimeout(timer)
          waiting.delete(look)
          found(value)
        }
        waiting.add(look)
        look()
      })
    const made = {
      messages,
      send: (data) => connection.send(data),
      close: () => connection.close(),
      text: () => messages.map((m) => m.text ?? "").join(""),
      // The position that the server says after what was there already.
      position: () => until(() => messages.find((m) => m.binary)).then((m) => JSON.parse(m.binary.subarray(1)).cursor),
      shows: (pattern) => until(() => made.text().match(pattern)),
      closed: () => until(() => closed),
    }
    connection.on("open", () => resolve(made))
  })
}
