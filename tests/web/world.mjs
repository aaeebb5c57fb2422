// A server with sessions in every state, as the roster shows them.
import { client, eventually, makeWorld } from "../support/server.mjs"

export const ASK = { permission: { bash: { "*": "ask", "echo *": "allow", "printf *": "allow" } } }

export const words = {
  risky: 'TOOL:[["bash",{"command":"kubectl rollout undo deploy/checkout -n prod","description":"Roll back checkout"}]]',
  harmless: 'TOOL:[["bash",{"command":"mkdir out","description":"Makes a directory"}]]',
  question:
    'TOOL:[["question",{"questions":[{"question":"Which database should the cache use?","header":"DB","options":[{"label":"Postgres","description":"The staging instance"},{"label":"SQLite","description":"A file"}]}]}]]',
  edit: 'REASON\nTOOL:[["read",{"filePath":"a.txt"}],["edit",{"filePath":"a.txt","oldString":"two","newString":"three"}]]\nTOOL:[["bash",{"command":"echo 14 passed","description":"Runs the tests"}]]',
  slow: "SLOW:4000:500",
}

export async function webWorld(more = {}) {
  const world = await makeWorld({ config: ASK, ...more })
  let server = await world.serve()
  let api = client(server.url)
  const open = {
    world,
    get server() {
      return server
    },
    get api() {
      return api
    },
    get url() {
      return server.url
    },
    async start(title, text) {
      const session = await api.session({ title })
      await api.promptAsync(session.id, text)
      return session.id
    },
    // Until it waits for an answer.
    asked: (kind, session) =>
      eventually(async () => (await api.get(`/${kind}`)).body.find((each) => each.sessionID === session), 60_000),
    idle: (session) => eventually(async () => !(await api.get("/session/status")).body[session], 60_000),
    async again() {
      server = await world.serve({ port: Number(new URL(server.url).port) })
      api = client(server.url)
    },
    close: () => world.close(),
  }
  return open
}
