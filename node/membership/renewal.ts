/**
 * Keeps the certificate of a node fresh that runs for months: whoever holds the
 * root key renews its own, everybody else says hello to the admins once more.
 */

import type { Clock, Timer } from '../../interface/clock.ts'
import type { Logger, Startable } from '../../interface/lifecycle.ts'
import { CERTIFICATE_LIFE_MS } from '../../interface/membership.ts'
import type { Authority } from './authority.ts'
import type { Members } from './members.ts'

/** A device that is off for two months is renewed in the third. */
export const RENEW_BEFORE_MS = CERTIFICATE_LIFE_MS / 3
const LOOK_INTERVAL_MS = 24 * 3600 * 1000

export interface RenewalComponents {
  readonly clock: Clock
  readonly log: Logger
  readonly members: Members
  readonly authority: Authority
  /** This node. */
  readonly peerId: string
  /** Say hello once more to everyone who is connected: an admin among them renews what ages. */
  greetAll(): Promise<void>
  onRenewed(): void
}

export class Renewal implements Startable {
  readonly #components: RenewalComponents
  #timer: Timer | undefined

  constructor(components: RenewalComponents) {
    this.#components = components
  }

  start(): void {
    this.#timer = this.#components.clock.setTimer(() => {
      this.start()
      this.#look().catch(err => this.#components.log.warn({ err }, 'could not renew the certificate'))
    }, LOOK_INTERVAL_MS)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    const { clock, members, authority, peerId, greetAll, onRenewed } = this.#components
    const own = members.get(peerId)
    if (own === undefined || own.notAfterMs - clock.wallMs() > RENEW_BEFORE_MS) return
    if (authority.holdsRoot) {
      await members.renew(await authority.issue({ subject: peerId, role: own.role, name: own.name }))
      onRenewed()
    } else {
      await greetAll()
    }
  }
}
