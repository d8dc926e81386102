/**
 * What one peer has this device do beside answering from memory. A query that is answered from memory costs some
 * microseconds, so its peer is bounded by the calls under way (`protocols/wire/peer-load.ts`) and not by their rate.
 */

import type { Clock } from '../../interface/clock.ts'
import { OverloadedError } from '../../interface/errors.ts'
import { type Rate, Rates } from '../../interface/rates.ts'
import type { UnitKind } from '../../interface/units.ts'

/** A page that looks after another device begins some ten, and a program a few a second. */
const WORK: Rate = { burst: 200, perSecond: 10 }
/** Of one peer at the same time: streams that it follows, and what it has done here. */
const UNDER_WAY_MAX = 32
const RETRY_AFTER_MS = 1000

/** Queries of these domains, and these alone of theirs, read the disk, ask the network or start a program. */
const COSTLY: ReadonlySet<string> = new Set([
  'config',
  'doctor',
  'event',
  'log',
  'model.du',
  'model.where',
  'mcp.tools'
])

export class PeerWork {
  readonly #rates: Rates
  readonly #underWay = new Map<string, number>()

  constructor(clock: Clock) {
    this.#rates = new Rates(clock, WORK)
  }

  /**
   * @returns what ends it.
   * @throws {LumosError} `RATE_LIMITED`, or `OVERLOADED` where too much of this peer is under way.
   */
  begin(peerId: string, unit: string, kind: UnitKind | 'stream'): () => void {
    if (kind === 'query' && !COSTLY.has(unit.split('.', 1)[0]!) && !COSTLY.has(unit)) return () => {}
    const count = this.#underWay.get(peerId) ?? 0
    if (count >= UNDER_WAY_MAX)
      throw new OverloadedError(`This peer has ${count} units under way here.`, RETRY_AFTER_MS)
    const refused = this.#rates.take(peerId)
    if (refused !== undefined) throw refused
    this.#underWay.set(peerId, count + 1)
    return () => this.#end(peerId)
  }

  #end(peerId: string): void {
    const left = (this.#underWay.get(peerId) ?? 1) - 1
    if (left === 0) this.#underWay.delete(peerId)
    else this.#underWay.set(peerId, left)
  }
}
