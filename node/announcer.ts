/**
 * Tells the mesh what this node can do: a new manifest at start, after each
 * change, and well before the last one expires.
 */

import type { PrivateKey } from '@libp2p/interface'
import type { Clock, Random, Timer } from '../interface/clock.ts'
import type { Logger, Startable } from '../interface/lifecycle.ts'
import type { Manifest, SignedManifest } from '../interface/manifest.ts'
import { sealManifest } from '../protocols/manifest/index.ts'

/** A silent peer is believed this long: long enough that two lost announcements do no harm. */
const TTL_MS = 180_000
/** Announced three times within its life, at times of its own, so that peers do not all speak at once. */
const INTERVAL_MS = 60_000
const INTERVAL_JITTER = 0.2
/** Several changes within this time, as when a node loads its models, make one announcement. */
const SETTLE_MS = 100

/** What a manifest says besides its numbers. */
export type Offer = Pick<Manifest, 'name' | 'software' | 'hardware' | 'capabilities'>

export interface AnnouncerComponents {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly privateKey: PrivateKey
  readonly peerId: string
  readonly epoch: number
  /** Persisted before it returns: no number is ever used twice. */
  nextSequence(): number
  offer(): Offer
  publish(signed: SignedManifest): Promise<void>
}

export class Announcer implements Startable {
  readonly #components: AnnouncerComponents
  #current: SignedManifest | undefined
  #timer: Timer | undefined
  #announcing: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(components: AnnouncerComponents) {
    this.#components = components
  }

  async start(): Promise<void> {
    await this.#announce()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#announcing
  }

  /** The manifest that peers should hold of this node. */
  get current(): SignedManifest {
    if (this.#current === undefined) throw new Error('The announcer has not been started.')
    return this.#current
  }

  /** The offer changed: announce it soon. */
  changed(): void {
    this.#announceIn(SETTLE_MS)
  }

  #announceIn(delayMs: number): void {
    if (this.#stopped) return
    this.#timer?.cancel()
    this.#timer = this.#components.clock.setTimer(() => {
      this.#announcing = this.#announce().catch(err => {
        this.#components.log.error({ err }, 'could not announce')
        this.#announceIn(INTERVAL_MS)
      })
    }, delayMs)
  }

  async #announce(): Promise<void> {
    const { clock, random, privateKey, peerId, epoch } = this.#components
    const manifest: Manifest = {
      version: 1,
      peerId,
      epoch,
      sequence: this.#components.nextSequence(),
      ttlMs: TTL_MS,
      issuedAtMs: Math.max(0, Math.round(clock.wallMs())),
      ...this.#components.offer()
    }
    this.#current = await sealManifest(manifest, privateKey)
    await this.#components.publish(this.#current)
    this.#announceIn(INTERVAL_MS * (1 + INTERVAL_JITTER * (random() - 0.5)))
  }
}
