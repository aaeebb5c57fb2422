// Keeps the interface itself at hand, so that it opens without a network and says so. Data is never kept here: what the
// server answers is shown as it is, or not at all.
const SHELL = "shell-1"

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.add("/")).then(() => self.skipWaiting()))
})

self.addEventListener("activate", (event) => {
  const others = caches.keys().then((keys) => Promise.all(keys.filter((key) => key !== SHELL).map((key) => caches.delete(key))))
  event.waitUntil(others.then(() => self.clients.claim()))
})

const remembered = async (request) => {
  const cache = await caches.open(SHELL)
  const known = await cache.match(request)
  if (known) return known
  const answer = await fetch(request)
  if (answer.ok) await cache.put(request, answer.clone())
  return answer
}

// The newest page while the server answers, else the last one.
const page = async (request) => {
  const cache = await caches.open(SHELL)
  try {
    const answer = await fetch(request)
    if (answer.ok && answer.headers.get("content-type")?.startsWith("text/html")) await cache.put("/", answer.clone())
    return answer
  } catch (error) {
    const last = await cache.match("/")
    if (last) return last
    throw error
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== "GET" || url.origin !== location.origin) return
  if (url.pathname.startsWith("/assets/")) event.respondWith(remembered(request))
  else if (request.mode === "navigate") event.respondWith(page(request))
})
