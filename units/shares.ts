/**
 * Places that callers hold for as long as they like, such as streams without an end. Programs with a token of their own
 * and other devices have places apart from those of the owner's programs, and each a share of them.
 */

import { LumosError } from '../interface/errors.ts'
import type { UnitContext } from '../interface/units.ts'

/** A page holds some ten: a hundred pages. */
const OWN_MAX = 1024
const OF_OTHERS_MAX = 512
/** Three pages. */
export const OF_ONE_MAX = 32

export class Shares {
  readonly #what: string
  #own = 0
  #ofOthers = 0
  readonly #ofOne = new Map<string, number>()

  /** @param what they are, in the plural. */
  constructor(what: string) {
    this.#what = what
  }

  /** @throws {LumosError} `OVERLOADED` where this caller has no place left. */
  check({ caller }: Pick<UnitContext, 'caller'>): void {
    const sharer = sharerOf(caller)
    if (sharer === undefined ? this.#own >= OWN_MAX : this.#ofOthers >= OF_OTHERS_MAX)
      throw new LumosError('OVERLOADED', `There are as many ${this.#what} as this node has room for.`)
    if (sharer !== undefined && (this.#ofOne.get(sharer) ?? 0) >= OF_ONE_MAX)
      throw new LumosError('OVERLOADED', `This caller has ${OF_ONE_MAX} ${this.#what} already.`)
  }

  /**
   * @returns what gives the place back, once.
   * @throws as {@link check} does.
   */
  take(context: Pick<UnitContext, 'caller'>): () => void {
    this.check(context)
    const sharer = sharerOf(context.caller)
    this.#count(sharer, 1)
    return () => this.#count(sharer, -1)
  }

  #count(sharer: string | undefined, by: 1 | -1): void {
    if (sharer === undefined) {
      this.#own += by
      return
    }
    this.#ofOthers += by
    const count = (this.#ofOne.get(sharer) ?? 0) + by
    if (count === 0) this.#ofOne.delete(sharer)
    else this.#ofOne.set(sharer, count)
  }
}

/** By what a caller is known that has a share of its own; undefined for the owner's programs. */
export const sharerOf = ({ peerId, token }: UnitContext['caller']): string | undefined =>
  peerId === undefined ? token && `token ${token}` : `peer ${peerId}`
