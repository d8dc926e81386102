/**
 * Announces what this node can do: a new manifest at start, after each change, and well before the last one expires.
 */

import { isDeepStrictEqual } from 'node:util'
import type { PrivateKey } from '@libp2p/interface'
import type { Clock, Random, Timer } from '../../interface/clock.ts'
import type { Logger, Startable } from '../../interface/lifecycle.ts'
import type { Manifest, SignedManifest } from '../../interface/manifest.ts'
import { sealManifest } from '../../protocols/manifest/index.ts'
import { announceAfterMs, manifestTtlMs } from './manifest-schedule.ts'

/** Several changes within this time, as when a node loads its models, make one announcement. */
const SETTLE_MS = 100

/** What a manifest says besides its numbers. */
export type ManifestContent = Pick<
  Manifest,
  | 'name'
  | 'software'
  | 'hardware'
  | 'onBattery'
  | 'yielding'
  | 'addresses'
  | 'capabilities'
  | 'parts'
  | 'certificates'
>

export interface AnnouncerComponents {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly privateKey: PrivateKey
  readonly peerId: string
  epoch(): number
  /** Persisted before it returns: no number is ever used twice. */
  nextSequence(): number
  /** How many members the mesh has. */
  members(): number
  offer(): ManifestContent
  publish(signed: SignedManifest): Promise<void>
}

export class Announcer implements Startable {
  readonly #components: AnnouncerComponents
  #current: SignedManifest | undefined
  #timer: Timer | undefined
  #settling: Timer | undefined
  #announcing: Promise<void> = Promise.resolve()
  #started = false
  #stopped = false

  constructor(components: AnnouncerComponents) {
    this.#components = components
  }

  async start(): Promise<void> {
    this.#started = true
    await this.#announce()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#settling?.cancel()
    await this.#announcing
  }

  /** The manifest that peers should hold of this node. */
  get current(): SignedManifest {
    if (this.#current === undefined) throw new Error('The announcer has not been started.')
    return this.#current
  }

  /** The offer may have changed: if so, announce it soon. */
  changed(): void {
    if (!this.#started || this.#stopped || this.#settling !== undefined) return
    this.#settling = this.#components.clock.setTimer(() => {
      this.#settling = undefined
      const { offer } = this.#components
      const current: ManifestContent | undefined = this.#current?.manifest
      // What is not stated any more has changed, too.
      const offered = { onBattery: undefined, yielding: undefined, ...offer() }
      const same = Object.entries(offered).every(([key, value]) =>
        isDeepStrictEqual(current?.[key as keyof ManifestContent], value)
      )
      if (!same) this.#announceNow()
    }, SETTLE_MS)
  }

  /** Announce soon although nothing has changed. */
  repeat(): void {
    if (this.#stopped || this.#settling !== undefined) return
    this.#settling = this.#components.clock.setTimer(() => {
      this.#settling = undefined
      this.#announceNow()
    }, SETTLE_MS)
  }

  #announceNow(): void {
    this.#announcing = this.#announce().catch(err => {
      this.#components.log.error({ err }, 'could not announce')
    })
  }

  async #announce(): Promise<void> {
    const { clock, random, privateKey, peerId } = this.#components
    this.#timer?.cancel()
    if (this.#stopped) return
    const ttlMs = manifestTtlMs(this.#components.members())
    this.#timer = clock.setTimer(() => this.#announceNow(), announceAfterMs(ttlMs, random))

    const manifest: Manifest = {
      version: 1,
      peerId,
      epoch: this.#components.epoch(),
      sequence: this.#components.nextSequence(),
      ttlMs,
      issuedAtMs: Math.max(0, Math.round(clock.wallMs())),
      ...this.#components.offer()
    }
    this.#current = await sealManifest(manifest, privateKey)
    await this.#components.publish(this.#current)
  }
}
