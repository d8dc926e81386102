/** The thread of memory with a document that never gets done with one key. */

import { registerHooks } from 'node:module'

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.endsWith('/node/memory/space/documents.ts')) return loaded
    const source = String(loaded.source).replace(
      /const \{ name, client \} = writer;?/,
      found => `${found}; if (Buffer.from(update).includes('hang')) for (;;);`
    )
    return { ...loaded, source }
  }
})
await import('../../../node/memory/worker/memory-worker.ts')
