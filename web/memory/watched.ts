/** Spaces as they are now: one stream follows the space that is shown, and what it changes is read again. */

import { useEffect, useRef } from 'preact/hooks'
import type { Units } from '../../client/index.ts'
import { type Live, type LiveOptions, RETRY_MS, useUnit } from '../live.ts'
import { LumosClientError, type Output, pieces, type UnitName } from '../node.ts'

/** After these, the space cannot be watched. */
const FINAL: ReadonlySet<string> = new Set(['MEMORY_NOT_FOUND', 'MEMORY_DENIED', 'DENIED', 'UNAUTHENTICATED'])

type Listener = (doc: string | undefined) => void
const listeners = new Set<Listener>()

/** Says that a document, or without one the whole space, may be another one now. */
export function changed(doc?: string): void {
  for (const listener of [...listeners]) listener(doc)
}

/** Follows a space while it is on the screen. */
export function useWatch(space: string): void {
  useEffect(() => {
    const left = new AbortController()
    void watch(space, left.signal)
    return () => left.abort()
  }, [space])
}

async function watch(space: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const changes = pieces('memory.watch', { space }, { signal, background: true })
      for await (const { doc } of changes) changed(doc)
    } catch (err) {
      if (err instanceof LumosClientError && FINAL.has(err.code)) return
    }
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
    // What was written while the stream was away is in the next answers.
    if (!signal.aborted) changed()
  }
}

/** The answer of a query, and of the same query again after a change of this document, or of any. */
export function useKept<N extends UnitName>(
  unit: N,
  input: Units[N]['input'],
  { doc, ...options }: LiveOptions & { doc?: string } = {}
): Live<Output<N>> {
  const live = useUnit(unit, input, options)
  const latest = useRef(live.soon)
  latest.current = live.soon
  const { when = true } = options
  useEffect(() => {
    if (!when) return
    const own: Listener = of => {
      if (doc === undefined || of === undefined || of === doc) latest.current()
    }
    listeners.add(own)
    return () => {
      listeners.delete(own)
    }
  }, [doc, when])
  return live
}
