/** A node's events as streams, for watchers that come and go. */

import { LumosError } from '../interface/errors.ts'
import type { EventData, EventName } from '../interface/events.ts'
import type { AbortOptions } from '../interface/lifecycle.ts'
import type { LumosEventTarget } from '../interface/node.ts'

/** A watcher this far behind is not reading; keeping more for it would only cost memory. */
const UNREAD_EVENTS_MAX = 1024

/**
 * Each event from the call on, in order, until the signal aborts or the loop is left.
 *
 * @throws {LumosError} `OVERLOADED` when the watcher falls behind: it has missed events.
 */
export function watchEvent<N extends EventName>(
  target: LumosEventTarget,
  name: N,
  options: AbortOptions = {}
): AsyncGenerator<EventData<N>> {
  const unread: EventData<N>[] = []
  const done = new AbortController()
  const ended = AbortSignal.any(options.signal ? [options.signal, done.signal] : [done.signal])
  let wake = Promise.withResolvers<void>()
  let missed = false

  // Listening begins with the call, not with the first read, so nothing falls in between.
  if (!ended.aborted) {
    target.addEventListener(
      name,
      event => {
        if (unread.length < UNREAD_EVENTS_MAX) unread.push(event.detail as EventData<N>)
        else missed = true
        wake.resolve()
      },
      { signal: ended }
    )
  }
  ended.addEventListener('abort', () => wake.resolve(), { once: true })

  return (async function* () {
    try {
      while (!ended.aborted) {
        wake = Promise.withResolvers()
        yield* unread.splice(0)
        if (missed)
          throw new LumosError('OVERLOADED', `The watcher of ${name} fell behind and missed events.`)
        if (unread.length === 0 && !ended.aborted) await wake.promise
      }
    } finally {
      done.abort()
    }
  })()
}
