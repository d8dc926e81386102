/** The devices of a mesh that may hold weights, as their manifests state, and the way to them. */

import type { Clock } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import type { AbortOptions, Logger } from '../../../interface/lifecycle.ts'
import { CidText, type Repository, Sha256 } from '../../../interface/weights.ts'
import { BLOCKS_PROTOCOL, BlocksClient } from '../../../protocols/blocks/index.ts'
import type { Signed } from '../../../protocols/wire/signed-record.ts'
import type { MeshContext } from '../../feature.ts'
import { type BanRule, Bans } from '../../membership/index.ts'
import { Deadline } from '../../network/deadline.ts'
import { weightsKey } from '../../network/dht-keys.ts'
import { awayTooLong } from './away.ts'
import { type Claim, Claims } from './claims.ts'
import { meant, type Searched, search } from './search.ts'

/** Wrong bytes come from a lie or from a damaged disk: neither is asked again soon. Calls to the peer go on. */
const WRONG_BYTES: BanRule = { strikes: 1, withinMs: Number.POSITIVE_INFINITY }
/** For a dial and the first answer. */
const OPEN_MS = 10_000

export interface LocateOptions extends AbortOptions {
  /** How long a holder may be away. */
  readonly waitMs: number
  onMissing(names: readonly string[]): void
}

export class MeshHolders {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #claims = new Claims()
  readonly #liars: Bans
  #changed = Promise.withResolvers<void>()
  #mesh: MeshContext | undefined

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock
    this.#log = log
    this.#liars = new Bans(WRONG_BYTES, clock)
  }

  /** @throws {LumosError} `NODE_NOT_RUNNING` */
  get mesh(): MeshContext {
    if (this.#mesh === undefined) throw new LumosError('NODE_NOT_RUNNING', 'This node has not started.')
    return this.#mesh
  }

  /** What peers of another mesh have stated is forgotten. */
  join(mesh: MeshContext): void {
    this.#mesh = mesh
    this.#claims.clear()
  }

  stated(peerId: string, part: Uint8Array | undefined): void {
    this.#claims.set(peerId, part, this.#clock.monotonicMs())
    this.met()
  }

  /** A search that waits for a device looks again. */
  met(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }

  /** What a member states; nothing of one that has sent wrong weights lately. */
  claimOf(peerId: string): Claim | undefined {
    return this.mayAsk(peerId) ? this.#claims.get(peerId) : undefined
  }

  /** Whether a device states to have it. */
  isStated(ref: string): boolean {
    return this.#claims.stating(ref).some(this.mayAsk)
  }

  /** All that hold any weights. */
  all(): string[] {
    return this.#claims.peers().filter(this.mayAsk)
  }

  /** The likeliest first. */
  of(...refs: readonly string[]): string[] {
    return this.#claims.holders(...refs).filter(this.mayAsk)
  }

  nameOf(peerId: string): string {
    return this.#mesh?.members.lastKnown(peerId)?.name ?? peerId
  }

  readonly onLiar = (peerId: string, { code, message: why }: LumosError): void => {
    this.#log.warn({ peerId, code, why }, 'a peer sent wrong weights and is not asked for any for a while')
    this.#liars.strike(peerId)
  }

  /** Waits for devices that state to have it and are away, where no other one has it. */
  async locate(ref: string, { signal, waitMs, onMissing }: LocateOptions): Promise<Signed<Repository>> {
    const untilMs = this.#clock.monotonicMs() + waitMs
    for (;;) {
      const changed = this.#changed.promise
      const { sightings, away } = await this.search(ref, { ...(signal && { signal }) })
      const missing = this.#claims.stating(ref).filter(id => away.includes(id))
      if (sightings.length > 0 || missing.length === 0) return meant(ref, sightings)
      const names = missing.map(id => this.nameOf(id))
      const leftMs = untilMs - this.#clock.monotonicMs()
      if (leftMs <= 0) throw awayTooLong(waitMs, names)
      onMissing(names)
      using pause = new Deadline(this.#clock, Math.min(leftMs, OPEN_MS), signal)
      await Promise.race([changed, aborted(pause.signal)])
      signal?.throwIfAborted()
    }
  }

  async search(ref: string, options: AbortOptions = {}): Promise<Searched> {
    const { maySign, onLiar } = this
    const parts = { find: this.#find, maySign, onLiar }
    // Manifests and the DHT name repositories and no files.
    if (Sha256.safeParse(ref).success) return await search(ref, this.all(), parts, options)
    const stated = await search(ref, this.of(ref), parts, options)
    if (stated.sightings.length > 0) return stated
    const { meshId, seek } = this.mesh
    const key = CidText.safeParse(ref).success ? ref : weightsKey(meshId, ref)
    const came = (await seek([key], options)).filter(this.mayAsk)
    if (came.length === 0) return stated
    const { sightings, away } = await search(ref, came, parts, options)
    return { sightings, away: [...stated.away, ...away] }
  }

  async open(peerId: string, { signal }: AbortOptions): Promise<BlocksClient> {
    using deadline = new Deadline(this.#clock, OPEN_MS, signal)
    return new BlocksClient(await this.mesh.open(peerId, BLOCKS_PROTOCOL, deadline), { clock: this.#clock })
  }

  readonly #find = async (peerId: string, ref: string, { signal }: AbortOptions) => {
    using deadline = new Deadline(this.#clock, OPEN_MS, signal)
    const client = await this.open(peerId, deadline)
    try {
      return await client.find(ref, deadline)
    } finally {
      await client.close()
    }
  }

  readonly mayAsk = (peerId: string): boolean =>
    !this.#liars.isBanned(peerId) && this.#mesh?.members.get(peerId) !== undefined

  /** A member of today or of before: what it signed stays, for the hashes prove the rest. A guest offers nothing. */
  readonly maySign = (signer: string): boolean => {
    const { peerId, members } = this.mesh
    const known = members.lastKnown(signer)
    return signer === peerId || (known !== undefined && known.role !== 'guest')
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
