/** Changes of a space, for a subscriber that may be slower than they are. */

import type { MemoryChanged } from '../../interface/memory.ts'
import type { MemoryEngine } from './worker/engine.ts'

export interface Watched {
  /** The id of the space, and its name here. */
  readonly spaces: readonly string[]
  readonly doc: string | undefined
}

/** Of each document one change waits at most: a second one takes its place, and no longer says which keys it was. */
export async function* watched(
  engine: Pick<MemoryEngine, 'onEvent'>,
  { spaces, doc }: Watched,
  signal?: AbortSignal
): AsyncGenerator<MemoryChanged> {
  const waiting = new Map<string, MemoryChanged>()
  let wake = Promise.withResolvers<void>()
  const unlisten = engine.onEvent(event => {
    if (event.type !== 'changed' || !spaces.includes(event.change.space)) return
    const { change } = event
    if (doc !== undefined && change.doc !== doc) return
    waiting.set(change.doc, waiting.has(change.doc) ? { ...change, keys: null } : change)
    wake.resolve()
  })
  const onAbort = (): void => wake.reject(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  try {
    for (;;) {
      signal?.throwIfAborted()
      for (const [name, change] of waiting) {
        waiting.delete(name)
        yield change
      }
      if (waiting.size > 0) continue
      wake = Promise.withResolvers<void>()
      await wake.promise
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    unlisten()
  }
}
