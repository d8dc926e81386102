/**
 * What must outlive a restart so that manifests keep their order: this node's
 * epoch and the numbers it has used (`core.db`), and the newest manifest of
 * each peer (`cache.db`).
 */

import { randomInt } from 'node:crypto'
import type { Clock } from '../../interface/clock.ts'
import type { Database } from '../database/database.ts'
import { isRefusal } from '../database/failure.ts'

/**
 * Numbers reserved by one durable write. A restart skips what is left of the
 * block; at one manifest a second a block lasts a quarter of an hour.
 */
export const SEQUENCE_BLOCK = 1000
/** Peers remembered: many times the largest mesh expected, at most a few MiB. */
export const ACCEPTED_PEERS_MAX = 4096
/** Forgotten together when there are too many: to see which costs a look at every row. */
const FORGOTTEN_AT_ONCE = 64
/**
 * An epoch is the second in which the home was made, then this many random bits. A
 * device that lost its home but kept its key thus gets a later epoch, and two
 * copies that start over in one second get different ones. Safe as a number in
 * JavaScript and SQLite.
 */
const EPOCH_RANDOM_BITS = 16

export interface AcceptedManifest {
  readonly peerId: string
  readonly epoch: number
  readonly sequence: number
  /** Of the manifest, to tell a repetition from an equivocation. */
  readonly hash: string
  /** As the peer signed it. */
  readonly envelope: Uint8Array
}

/** The peers to forget first, of all that are remembered, the one longest unchanged first. */
export type Dispensable = (peerIds: readonly string[]) => readonly string[]

export class ManifestLog {
  readonly #dispensable: Dispensable
  readonly #core: Database
  readonly #cache: Database
  readonly #clock: Clock
  #epoch: number | undefined
  /** The next number, and the end of those reserved on disk. */
  #next = 0
  #reserved = 0

  constructor(core: Database, cache: Database, clock: Clock, dispensable: Dispensable = all => all) {
    this.#dispensable = dispensable
    this.#clock = clock
    this.#core = core
    this.#cache = cache
  }

  /** Chosen once per home, and later homes get higher ones; see {@link renewEpoch}. */
  get epoch(): number {
    this.#epoch ??= this.#core.transaction(() => this.#counter('manifest.epoch') ?? this.#newEpoch(0))
    return this.#epoch
  }

  /** This device has signed numbers of `above` that this home does not know: it begins a later epoch. */
  renewEpoch(above: number): number {
    const epoch = this.#core.transaction(() => this.#newEpoch(Math.max(above, this.epoch) + 1))
    this.#epoch = epoch
    return epoch
  }

  #newEpoch(least: number): number {
    const random = randomInt(2 ** EPOCH_RANDOM_BITS)
    const second = Math.floor(this.#clock.wallMs() / 1000)
    const epoch = Math.max(second * 2 ** EPOCH_RANDOM_BITS, least) + random
    this.#setCounter('manifest.epoch', epoch)
    return epoch
  }

  /** What this peer signed last, as far as it was kept. */
  envelopeOf(peerId: string): Uint8Array | undefined {
    return this.#cache.prepare<{ envelope: Uint8Array }>(SELECT_ENVELOPE).get(peerId)?.envelope
  }

  /** Higher than every number this home ever gave, also by a process that was killed. */
  nextSequence(): number {
    if (this.#next === this.#reserved) this.#reserve()
    // While the disk refuses there is half a block left, for hours of manifests.
    if (this.#reserved - this.#next <= SEQUENCE_BLOCK / 2) unlessRefused(() => this.#reserve())
    const sequence = this.#next
    this.#next += 1
    return sequence
  }

  /**
   * Replaces what is known of the peer. When there are too many, the dispensable ones are forgotten. What
   * a full disk refuses is left out: the peer says it again within minutes.
   */
  store(manifest: AcceptedManifest): void {
    unlessRefused(() => this.#store(manifest))
  }

  #store({ peerId, epoch, sequence, hash, envelope }: AcceptedManifest): void {
    this.#cache.transaction(() => {
      this.#cache
        .prepare(
          'INSERT OR REPLACE INTO accepted_manifest (peer_id, epoch, sequence, hash, envelope) VALUES (?, ?, ?, ?, ?)'
        )
        .run(peerId, epoch, sequence, hash, envelope)
      const { count } = this.#cache
        .prepare<{ count: number }>('SELECT count(*) AS count FROM accepted_manifest')
        .get()!
      if (count > ACCEPTED_PEERS_MAX) this.#forgetSome()
    })
  }

  #forgetSome(): void {
    const all = this.#cache.prepare<{ peerId: string }>(SELECT_PEERS).all()
    const forgotten = this.#dispensable(all.map(({ peerId }) => peerId)).slice(0, FORGOTTEN_AT_ONCE)
    for (const peerId of forgotten) this.#cache.prepare(DELETE_PEER).run(peerId)
  }

  /** Of every peer, the one longest unchanged first. */
  all(): AcceptedManifest[] {
    return this.#cache.prepare<AcceptedManifest>(SELECT_ACCEPTED).all()
  }

  /** The numbers are given away only once this has returned: the reservation is on disk then. */
  #reserve(): void {
    const start = this.#core.transaction(() => {
      const free = this.#counter('manifest.sequence') ?? 1
      this.#setCounter('manifest.sequence', free + SEQUENCE_BLOCK)
      return free
    })
    if (start !== this.#reserved) this.#next = start
    this.#reserved = start + SEQUENCE_BLOCK
  }

  #counter(name: string): number | undefined {
    return this.#core.prepare<{ value: number }>('SELECT value FROM counter WHERE name = ?').get(name)?.value
  }

  #setCounter(name: string, value: number): void {
    this.#core.prepare('INSERT OR REPLACE INTO counter VALUES (?, ?)').run(name, value)
  }
}

function unlessRefused(store: () => void): void {
  try {
    store()
  } catch (err) {
    if (!isRefusal(err)) throw err
  }
}

const SELECT_ACCEPTED =
  'SELECT peer_id AS peerId, epoch, sequence, hash, envelope FROM accepted_manifest ORDER BY id'
const SELECT_PEERS = 'SELECT peer_id AS peerId FROM accepted_manifest ORDER BY id'
const SELECT_ENVELOPE = 'SELECT envelope FROM accepted_manifest WHERE peer_id = ?'
const DELETE_PEER = 'DELETE FROM accepted_manifest WHERE peer_id = ?'
