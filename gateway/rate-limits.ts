/**
 * How often programs may ask: each with a named token, and each other device. The owner's own programs, which show the
 * gateway's token on this device, are not counted.
 */

import type { Clock } from '../interface/clock.ts'
import { LumosError } from '../interface/errors.ts'
import { type Rate, Rates } from '../interface/rates.ts'
import type { Caller } from '../interface/units.ts'
import type { Asking } from './asking-form.ts'
import { isLoopback } from './hosts.ts'

/** A chat page asks a hundred times when it opens, and some times a second while it is used. */
const ASKED: Rate = { burst: 1000, perSecond: 100 }
/**
 * Requests without a right token, from one address. A right one is still let in: on loopback all programs have one
 * address, and none may lock out the others. No number of guesses finds 256 bits; this bounds what they cost.
 */
const FAILED: Rate = { burst: 256, perSecond: 1 }

export class RateLimits {
  readonly #asked: Rates
  readonly #failed: Rates

  constructor(clock: Clock) {
    this.#asked = new Rates(clock, ASKED)
    this.#failed = new Rates(clock, FAILED)
  }

  /** Why this request is not answered: what `admitted` says, or that there are too many of its kind. */
  refusalOf(incoming: Asking, admitted: Caller | LumosError): LumosError | undefined {
    const address = networkOf(incoming.socket.remoteAddress ?? '')
    const isElsewhere = address !== '' && !isLoopback(address)
    const tooMany = isElsewhere ? this.#asked.take(`address ${address}`) : undefined
    if (tooMany !== undefined) return tooMany
    if (!(admitted instanceof LumosError)) {
      return admitted.token === undefined ? undefined : this.#asked.take(`token ${admitted.token}`)
    }
    const isGuess = admitted.code === 'UNAUTHENTICATED'
    return (isGuess ? this.#failed.take(address) : undefined) ?? admitted
  }
}

/** The address of a device, of IPv6 the network that it is given as a whole. */
function networkOf(address: string): string {
  if (!address.includes(':') || isLoopback(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length
  return [...groups, ...Array<string>(Math.max(0, zeros)).fill('0'), ...rest].slice(0, 4).join(':')
}
