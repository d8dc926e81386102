/**
 * Notices manifests of this device's key that this home did not sign. Another home with the key did: the one that a
 * backup was made of, or a copy that runs somewhere. Peers believe the latest numbers alone, so this home takes a
 * later epoch. No peer can make it do so without the key: each manifest is signed.
 */

import type { Clock } from '../../interface/clock.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { SignedManifest } from '../../interface/manifest.ts'
import { orderOf } from './provider-core.ts'

/**
 * New epochs in one run. A backup needs one, and one more where two peers remember different ends. Two homes that
 * run at once would outdo each other without end.
 */
export const EPOCHS_PER_RUN_MAX = 2
/** About the year 4100. A thief of the key can sign higher ones, and no epoch may be beyond them. */
const EPOCH_MAX = 2 ** 52

export interface OwnLifeComponents {
  readonly clock: Clock
  readonly log: Logger
  current(): SignedManifest
  /** Begin an epoch beyond this one, on disk, and announce it. @returns the new epoch. */
  renew(above: number): number
  /** Another home runs with the key at this time. */
  onCopy(): void
}

export class OwnLife {
  readonly #components: OwnLifeComponents
  readonly #beganMs: number
  #renewals = 0
  /** The epoch taken last; its first manifest may still be under way. */
  #taken = 0

  constructor(components: OwnLifeComponents) {
    this.#components = components
    this.#beganMs = components.clock.wallMs()
  }

  /** A later epoch was taken in this run: the home was put back from a backup, or is a copy. */
  get wasBehind(): boolean {
    return this.#renewals > 0
  }

  /** A manifest of this device's own, proven. */
  see({ manifest, hash }: SignedManifest): void {
    const { current, log, renew, onCopy } = this.#components
    const order = orderOf(manifest, current().manifest)
    if (order < 0 || (order === 0 && hash === current().hash)) return
    // By the time that its signer gave it, which no peer can change.
    if (manifest.issuedAtMs > this.#beganMs) onCopy()
    if (manifest.epoch < this.#taken) return
    if (this.#renewals >= EPOCHS_PER_RUN_MAX || manifest.epoch >= EPOCH_MAX) return
    log.warn(
      { code: 'DUPLICATE_IDENTITY', epoch: manifest.epoch, sequence: manifest.sequence },
      'this device has signed later manifests than its home knows: the home is a copy or from a backup'
    )
    this.#taken = renew(manifest.epoch)
    this.#renewals++
  }
}
