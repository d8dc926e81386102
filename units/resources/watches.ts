/** What is watched: one reading for all who watch the same with the same rights. */

import type { Clock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { eventNames, type NodeEvents } from '../../interface/events.ts'
import { DEFAULT_BUDGET_MS } from '../../interface/inference.ts'
import type { UnitContext } from '../../interface/units.ts'
import { Shares, sharerOf } from '../shares.ts'
import type { Addressed } from './address.ts'
import { Told } from './told.ts'
import { Watched, type WatchItem } from './watched.ts'

/**
 * Resources that are kept, watched or not: each is the answer of a unit, some kilobytes to a megabyte. So many for the
 * owner's programs, and so many for all others together.
 */
export const WATCHED_MAX = 128
/** A page that is loaded again, or a laptop that changes its network, comes back within this time. */
const LINGER_MS = 30_000

export interface WatchesComponents {
  readonly clock: Clock
  readonly events: NodeEvents
  /** Asks the unit, with the rights of the caller. */
  read(unit: string, input: unknown, context: UnitContext): Promise<unknown>
}

export class Watches {
  readonly #components: WatchesComponents
  readonly #told: Told
  /** Apart, so that no number of others takes the room of the owner's programs. The one that was watched last is the last. */
  readonly #rooms = { own: new Map<string, Watched>(), ofOthers: new Map<string, Watched>() }
  readonly #shares = new Shares('watched resources')
  #made = 0

  constructor(components: WatchesComponents) {
    this.#components = components
    this.#told = new Told(components.events)
  }

  /** @throws {LumosError} `OVERLOADED`, at once, when as many are watching as may, or as many of this caller. */
  watch(what: Addressed, since: string | undefined, context: UnitContext): AsyncIterable<WatchItem> {
    this.#shares.check(context)
    return this.#follow(what, since, context)
  }

  async *#follow(
    what: Addressed,
    since: string | undefined,
    context: UnitContext
  ): AsyncGenerator<WatchItem> {
    this.#shares.check(context)
    const room = sharerOf(context.caller) === undefined ? this.#rooms.own : this.#rooms.ofOthers
    const key = JSON.stringify([what.uri, context.caller])
    const known = room.get(key)
    room.delete(key)
    const isNew = known === undefined || known.hasFailed
    if (isNew) makeRoom(room)
    const watched = isNew ? this.#newOne(what, context) : known
    room.set(key, watched)
    const leave = this.#shares.take(context)
    try {
      yield* watched.watch(since, endOf(context))
    } finally {
      leave()
      this.#forgetLater(room, key, watched)
    }
  }

  #newOne({ resource, input }: Addressed, { caller, requestId }: UnitContext): Watched {
    const { clock, events, read } = this.#components
    const names = eventNames(resource.events, [...events.schemas.keys()])
    return new Watched({
      clock,
      epoch: `${clock.wallMs().toString(36)}${(this.#made++).toString(36)}`,
      everyMs: resource.everyMs,
      read: ({ signal }) =>
        read(resource.unit, input, { caller, requestId, signal, budgetMs: DEFAULT_BUDGET_MS, onRoute() {} }),
      listen: changed => this.#told.listen(names, changed)
    })
  }

  #forgetLater(room: Map<string, Watched>, key: string, watched: Watched): void {
    if (watched.watchers > 0) return
    this.#components.clock.setTimer(() => {
      if (watched.watchers === 0 && room.get(key) === watched) room.delete(key)
    }, LINGER_MS)
  }
}

/** Of those that have no watcher, the one that had one the longest ago gives way. */
function makeRoom(room: Map<string, Watched>): void {
  if (room.size < WATCHED_MAX) return
  for (const [key, watched] of room) {
    if (watched.watchers > 0) continue
    room.delete(key)
    return
  }
  throw new LumosError('OVERLOADED', `${WATCHED_MAX} resources are watched already.`)
}

/** A watch has no end of its own: that of its caller's token ends it. */
function endOf({ signal, caller: { ended } }: UnitContext): AbortSignal | undefined {
  return signal && ended ? AbortSignal.any([signal, ended]) : (signal ?? ended)
}
