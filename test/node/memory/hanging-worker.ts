/** The thread of memory with a key that never gets done, a document that takes a while to open, and one that no heap holds. */

import { registerHooks } from 'node:module'

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.endsWith('/node/memory/space/documents.ts')) return loaded
    const source = String(loaded.source).replace(
      /const \{ name, client \} = writer;?/,
      found => `${found}; if (Buffer.from(update).includes('hang')) for (;;);`
    )
    return {
      ...loaded,
      source: source.replace(
        /\bopen\(space[^{]*\{/,
        found => `${found} if (name === 'slow') for (const end = Date.now() + 1300; Date.now() < end; );
          if (name === 'huge') for (const all = []; ; ) all.push(Array(1e5).fill(all.length));`
      )
    }
  }
})
await import('../../../node/memory/worker/memory-worker.ts')
