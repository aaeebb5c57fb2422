// MCP servers made with the protocol's own SDK: one on standard streams that misbehaves as it is told (`node
// mcp_server.mjs stdio`), and one over HTTP that wants an OAuth sign-in (startProtected).
import { createServer } from "node:http"
import { createRequire } from "node:module"
import { once } from "node:events"
import { randomUUID } from "node:crypto"
import { pathToFileURL } from "node:url"
import { join } from "node:path"

// Installed with the clients, whoever imports this file.
const here = import.meta.dirname
const require = createRequire(join(here, "../e2e/package.json"))
const sdk = (name) => import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/${name}`)).href)

async function makeServer() {
  const { McpServer } = await sdk("server/mcp.js")
  return new McpServer({ name: "test", version: "1.0.0" })
}

export async function startProtected() {
  const { StreamableHTTPServerTransport } = await sdk("server/streamableHttp.js")
  const { mcpAuthRouter, mcpAuthMetadataRouter } = await sdk("server/auth/router.js")
  const { requireBearerAuth } = await sdk("server/auth/middleware/bearerAuth.js")
  const { DemoInMemoryAuthProvider } = await sdk("examples/server/demoInMemoryOAuthProvider.js")
  const express = require("express")
  const app = express()
  const http = createServer(app).listen(0, "127.0.0.1")
  await once(http, "listening")
  const base = `http://127.0.0.1:${http.address().port}`
  const provider = new DemoInMemoryAuthProvider()
  app.use(mcpAuthRouter({ provider, issuerUrl: new URL(base), resourceServerUrl: new URL(`${base}/mcp`), scopesSupported: ["mcp:tools"] }))
  const transports = {}
  const auth = requireBearerAuth({ verifier: provider, resourceMetadataUrl: `${base}/.well-known/oauth-protected-resource/mcp` })
  app.use("/mcp", auth, express.json(), async (request, response) => {
    let transport = transports[request.headers["mcp-session-id"]]
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => (transports[id] = transport),
      })
      const server = await makeServer()
      server.registerTool("whoami", { description: "Says who asks" }, async () => ({
        content: [{ type: "text", text: "somebody with a token" }],
      }))
      await server.connect(transport)
    }
    await transport.handleRequest(request, response, request.body)
  })
  return { url: `${base}/mcp`, close: () => http.close(), forgetTokens: () => provider.tokens.clear() }
}

// die: ends at once; grow: adds a tool and says that its list has changed; wait: answers never; cwd, env.
async function runStdio() {
  const { StdioServerTransport } = await sdk("server/stdio.js")
  const server = await makeServer()
  const text = (value) => ({ content: [{ type: "text", text: String(value) }] })
  server.registerTool("die", { description: "Ends the server" }, async () => {
    console.error("dying as told")
    process.exit(3)
  })
  server.registerTool("pid", { description: "The server's process" }, async () => text(process.pid))
  server.registerTool("env", { description: "Its environment" }, async () => text(JSON.stringify({ cwd: process.cwd(), ...process.env })))
  server.registerTool("wait", { description: "Never answers" }, () => new Promise(() => {}))
  server.registerTool("fail", { description: "Fails" }, async () => ({ ...text("no luck"), isError: true }))
  server.registerTool("grow", { description: "Adds a tool" }, async () => {
    server.registerTool("grown", { description: "Was added" }, async () => text("grown"))
    return text("grew")
  })
  await server.connect(new StdioServerTransport())
}

if (process.argv[2] === "stdio") await runStdio()
