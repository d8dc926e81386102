/**
 * The resources that one client watches: by `resources/subscribe` before July 2026, and by `subscriptions/listen` since.
 * Each address is watched once, by `resource.watch`, for as long as one of those wants it.
 */

import { LumosError } from '../../interface/errors.ts'
import type { UnitCalls, WatchRoom } from './calls.ts'

/** Of one caller, over all its sessions and streams: half of what the whole node watches at once. */
export const WATCHED_MAX = 64
const URI_CHARS_MAX = 1024

interface Watch {
  readonly ended: AbortController
  /** Settles when the resource has been read. */
  readonly begun: Promise<void>
  /** How many want it. */
  wanted: number
}

export class WatchedResources {
  readonly #room: WatchRoom
  readonly #changed: (uri: string) => void
  readonly #watches = new Map<string, Watch>()

  constructor(room: WatchRoom, changed: (uri: string) => void) {
    this.#room = room
    this.#changed = changed
  }

  has(uri: string): boolean {
    return this.#watches.has(uri)
  }

  /** @throws {LumosError} where the caller cannot read it, and `OVERLOADED` where it watches as many as it may. */
  async add(uri: string, calls: UnitCalls): Promise<void> {
    const known = this.#watches.get(uri)
    if (known !== undefined) {
      known.wanted++
      return known.begun
    }
    if (this.#room.taken >= WATCHED_MAX)
      throw new LumosError('OVERLOADED', `One caller watches ${WATCHED_MAX} resources at most.`)
    this.#room.taken++
    const ended = new AbortController()
    const watch: Watch = { ended, begun: this.#begin(uri, calls, ended), wanted: 1 }
    this.#watches.set(uri, watch)
    ended.signal.addEventListener('abort', () => {
      this.#room.taken--
      if (this.#watches.get(uri) === watch) this.#watches.delete(uri)
    })
    return watch.begun
  }

  remove(uri: string): void {
    const watch = this.#watches.get(uri)
    if (watch !== undefined && --watch.wanted === 0) watch.ended.abort()
  }

  end(): void {
    for (const { ended } of this.#watches.values()) ended.abort()
  }

  async #begin(uri: string, calls: UnitCalls, ended: AbortController): Promise<void> {
    try {
      const items = calls
        .watch('resource.watch', { uri: checkedUri(uri) }, ended.signal)
        [Symbol.asyncIterator]()
      // A stream fails by its first item where the resource is not there.
      await items.next()
      void this.#follow(uri, items, ended)
    } catch (err) {
      // Not before it is among the watches.
      queueMicrotask(() => ended.abort())
      throw err
    }
  }

  /** Ends with the stream, without a failure: the client may watch it again. */
  async #follow(uri: string, items: AsyncIterator<unknown>, ended: AbortController): Promise<void> {
    try {
      for (let item = await items.next(); !item.done; item = await items.next()) {
        if ((item.value as { type?: unknown }).type !== 'heartbeat') this.#changed(uri)
      }
    } catch {
      // The node stopped, or the token of the caller ended.
    }
    ended.abort()
  }
}

/** As long as an address of a resource may be. */
export function checkedUri(uri: string): string {
  if (uri.length <= URI_CHARS_MAX) return uri
  throw new LumosError('INPUT_TOO_LARGE', `An address has ${URI_CHARS_MAX} characters at most.`)
}
