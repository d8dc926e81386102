/** The thread of memory with a document that never gets done with one key, and one that takes a while to open. */

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
        /open\(space, name, kind\) \{|open\(space: Space, name: string, kind: DocKind\): OpenDocument \{/,
        found => `${found} if (name === 'slow') for (const end = Date.now() + 1300; Date.now() < end; );`
      )
    }
  }
})
await import('../../../node/memory/worker/memory-worker.ts')
