/**
 * Keeps the certificate of a node one that counts, through months and through a clock that is set: a holder of the
 * root key renews its own, any other node says hello to the admins once more.
 */

import type { Clock, Timer } from '../../interface/clock.ts'
import type { Logger, Startable } from '../../interface/lifecycle.ts'
import { CERTIFICATE_LIFE_MS, type Membership } from '../../interface/membership.ts'
import type { Authority } from './authority.ts'
import { isAhead } from './chain.ts'
import type { Members } from './members.ts'

/** A device that is off for two months is renewed in the third. */
export const RENEW_BEFORE_MS = CERTIFICATE_LIFE_MS / 3
const LOOK_INTERVAL_MS = 24 * 3600 * 1000
/** How soon a clock that was set is noticed. It costs one subtraction. */
export const CLOCK_INTERVAL_MS = 15_000
/** A clock that moves against the monotonic one by this much was set, or the device was asleep. */
const CLOCK_SET_MS = 60_000

export interface RenewalComponents {
  readonly clock: Clock
  readonly log: Logger
  readonly members: Members
  readonly authority: Authority
  /** This node. */
  readonly peerId: string
  /** Say hello once more on every connection: an admin among the peers renews what ages. */
  sayHelloToAll(): Promise<void>
  onRenewed(): void
}

/** Whether a certificate ends soon or has ended, or begins only later: its issuer's clock was ahead. */
export const needsRenewal = (own: Pick<Membership, 'notBeforeMs' | 'notAfterMs'>, wallMs: number): boolean =>
  own.notAfterMs - wallMs <= RENEW_BEFORE_MS || isAhead(own, wallMs)

export class Renewal implements Startable {
  readonly #components: RenewalComponents
  #daily: Timer | undefined
  #watch: Timer | undefined
  /** Wall time less monotonic time, when the node last looked. */
  #offsetMs = 0

  constructor(components: RenewalComponents) {
    this.#components = components
  }

  start(): void {
    this.#offsetMs = this.#offset()
    this.#lookDaily()
    this.#watchClock()
  }

  stop(): void {
    this.#daily?.cancel()
    this.#watch?.cancel()
  }

  #offset(): number {
    const { clock } = this.#components
    return clock.wallMs() - clock.monotonicMs()
  }

  #lookDaily(): void {
    this.#daily = this.#components.clock.setTimer(() => {
      this.#lookDaily()
      this.#look()
    }, LOOK_INTERVAL_MS)
  }

  #watchClock(): void {
    const { clock, log } = this.#components
    this.#watch = clock.setTimer(() => {
      this.#watchClock()
      const setMs = this.#offset() - this.#offsetMs
      if (Math.abs(setMs) < CLOCK_SET_MS) return
      log.info({ setMs: Math.round(setMs) }, 'the clock was set, or the device was asleep')
      this.#look()
    }, CLOCK_INTERVAL_MS)
  }

  #look(): void {
    this.#offsetMs = this.#offset()
    this.#renew().catch(err => this.#components.log.warn({ err }, 'could not renew the certificate'))
  }

  /** Also a certificate that counts no more: it may have been issued while the clock was wrong. */
  async #renew(): Promise<void> {
    const { clock, members, authority, peerId, sayHelloToAll, onRenewed } = this.#components
    const own = members.lastKnown(peerId)
    if (own === undefined || members.standing(peerId).kind === 'revoked') return
    if (members.orphan(peerId) !== undefined || !needsRenewal(own, clock.wallMs())) return
    if (authority.holdsRoot) {
      await members.reissued(await authority.renewOwn(own))
      onRenewed()
    } else {
      await sayHelloToAll()
    }
  }
}
