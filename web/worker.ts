/**
 * The installed page opens while its node is down, and then says so: the last version of its files is kept, and used
 * only where the node does not answer. What the node answers (`/api`, `/v1`) is never kept.
 */

/** Another name drops what earlier versions kept. */
const KEPT = 'lumos-page-1'
const PAGE = /^\/(?:$|index\.html$|app-[\w-]+\.(?:js|css)$|icon\.svg$|app\.webmanifest$)/

interface Fetched {
  readonly request: Request
  respondWith(answer: Promise<Response>): void
}

const worker = self as unknown as {
  skipWaiting(): void
  clients: { claim(): Promise<void> }
  addEventListener(name: string, listener: (event: never) => void): void
}

worker.addEventListener('install', () => worker.skipWaiting())
worker.addEventListener('activate', (event: { waitUntil(work: Promise<unknown>): void }) =>
  event.waitUntil(cleaned())
)
worker.addEventListener('fetch', (event: Fetched) => {
  const { pathname } = new URL(event.request.url)
  if (event.request.method === 'GET' && PAGE.test(pathname)) event.respondWith(fresh(event.request))
})

async function cleaned(): Promise<void> {
  const names = await caches.keys()
  await Promise.all(names.filter(name => name !== KEPT).map(name => caches.delete(name)))
  await worker.clients.claim()
}

async function fresh(request: Request): Promise<Response> {
  const cache = await caches.open(KEPT)
  try {
    const answer = await fetch(request)
    if (answer.ok) await keep(cache, request, answer.clone())
    return answer
  } catch (err) {
    const kept = await cache.match(request)
    if (kept !== undefined) return kept
    throw err
  }
}

/** One version of a file: the hash in its name is another one after an update. */
async function keep(cache: Cache, request: Request, answer: Response): Promise<void> {
  await cache.put(request, answer)
  const { pathname } = new URL(request.url)
  const extension = /^\/app-.*(\.\w+)$/.exec(pathname)?.[1]
  if (extension === undefined) return
  for (const other of await cache.keys()) {
    const path = new URL(other.url).pathname
    if (path !== pathname && path.startsWith('/app-') && path.endsWith(extension)) await cache.delete(other)
  }
}
