import { defineConfig } from "vite"
import solid from "vite-plugin-solid"

// `make ui-dev`: hot reload here, everything else from a running server (SERVER=http://127.0.0.1:4096).
const server = process.env.SERVER ?? "http://127.0.0.1:4096"
const ours = /^\/(@|src\/|node_modules\/|assets\/|index\.html|icon|manifest|sw\.js|\?|$)|^\/(a|new|review|s|sessions|settings)(\/|\?|$)/

export default defineConfig({
  plugins: [solid()],
  build: {
    target: "es2022",
    manifest: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    cssCodeSplit: true,
    reportCompressedSize: false,
  },
  worker: { format: "es" },
  server: {
    proxy: {
      "^/": { target: server, changeOrigin: true, ws: true, bypass: (request) => (ours.test(request.url ?? "") ? request.url : undefined) },
    },
  },
})
