/**
 * Memory that models leave free for a while. To the residency a reservation is a model that is always in use: idle ones
 * are unloaded for it, and none takes its room.
 */

import type { Clock, Random, Timer } from '../../interface/clock.ts'
import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { type NewSlot, RESERVATIONS_MAX, type SlotUpdate } from '../../interface/resources.ts'
import type { Residency } from '../models/residency.ts'

/** Two of one start of a node have one id once in a million million times. */
const IDS = 36 ** 10

export interface Reservation {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly priority: number
  readonly bytes: number
  readonly expiresAtMs: number
}

interface Kept {
  readonly slot: Pick<NewSlot, 'name' | 'type' | 'priority'>
  readonly key: number
  expiresAtMs: number
  timer: Timer
}

export type ReleaseReason = 'released' | 'expired' | 'preempted'

export interface ReservationsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly residency: Residency
  onReserved(reservation: Reservation): void
  onReleased(id: string, reason: ReleaseReason): void
}

export class Reservations {
  readonly #options: ReservationsOptions
  readonly #kept = new Map<string, Kept>()
  /** Those that wait for room count, too. */
  #count = 0

  constructor(options: ReservationsOptions) {
    this.#options = options
  }

  list(): Reservation[] {
    return [...this.#kept].map(([id, one]) => this.#shown(id, one))
  }

  get bytes(): number {
    return this.list().reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Whether so much more can be had, if slots of a lower priority than this are given up. */
  fits(bytes: number, priority: number): boolean {
    const { residency } = this.#options
    const lower = this.#lower(priority).reduce((sum, { bytes }) => sum + bytes, 0)
    return bytes <= residency.budgetBytes - residency.heldBytes + lower
  }

  /** @throws {LumosError} `NO_CAPACITY` */
  async reserve(slot: NewSlot, { signal }: AbortOptions = {}): Promise<Reservation> {
    const { residency, random } = this.#options
    signal?.throwIfAborted()
    if (this.#count >= RESERVATIONS_MAX)
      throw new LumosError('NO_CAPACITY', `A device keeps ${RESERVATIONS_MAX} slots at most.`)
    if (this.fits(slot.memoryBytes, slot.priority)) this.#preempt(slot)
    const footprint = { bytes: slot.memoryBytes, pinned: true, keepAliveMs: Number.POSITIVE_INFINITY }
    const key = residency.add({ id: slot.name, unload: async () => {} }, footprint)
    const leave = (): void => residency.remove(key)
    this.#count++
    try {
      residency.begin(key)
      signal?.addEventListener('abort', leave)
      await residency.room(key)
      residency.loaded(key, slot.memoryBytes, 0)
    } catch (thrown) {
      this.#count--
      leave()
      signal?.throwIfAborted()
      throw thrown
    } finally {
      signal?.removeEventListener('abort', leave)
    }
    const id = Math.floor(random() * IDS).toString(36)
    const kept = { slot, key, ...this.#expiry(id, slot.durationS) }
    this.#kept.set(id, kept)
    const reservation = this.#shown(id, kept)
    this.#options.onReserved(reservation)
    return reservation
  }

  /** @throws {LumosError} `NO_CAPACITY`, `INVALID_INPUT` */
  update(id: string, { memoryLimit, durationS }: SlotUpdate): Reservation {
    const { residency } = this.#options
    const kept = this.#mustHave(id)
    if (memoryLimit !== undefined) {
      const more = memoryLimit - residency.of(kept.key).bytes
      if (more > 0 && !this.fits(more, 0))
        throw new LumosError(
          'NO_CAPACITY',
          `There is no memory for ${more} bytes more; the slot stays as it was.`
        )
      residency.measured(kept.key, memoryLimit)
    }
    if (durationS !== undefined) {
      kept.timer.cancel()
      Object.assign(kept, this.#expiry(id, durationS))
    }
    return this.#shown(id, kept)
  }

  release(id: string, reason: ReleaseReason = 'released'): void {
    const { key, timer } = this.#mustHave(id)
    this.#kept.delete(id)
    this.#count--
    timer.cancel()
    this.#options.residency.remove(key)
    this.#options.onReleased(id, reason)
  }

  close(): void {
    for (const { timer } of this.#kept.values()) timer.cancel()
  }

  #mustHave(id: string): Kept {
    const kept = this.#kept.get(id)
    if (kept !== undefined) return kept
    throw new InvalidInputError(`There is no slot "${id}".`, {
      hint: 'It was released, or its time is over.'
    })
  }

  /** Slots of lower priorities go, the lowest and the newest first, until there is room. */
  #preempt({ memoryBytes, priority }: NewSlot): void {
    for (const { id } of this.#lower(priority)) {
      if (this.fits(memoryBytes, 0)) return
      this.release(id, 'preempted')
    }
  }

  #lower(priority: number): Reservation[] {
    return this.list()
      .reverse()
      .filter(one => one.priority < priority)
      .sort((a, b) => a.priority - b.priority)
  }

  #expiry(id: string, durationS: number): Pick<Kept, 'expiresAtMs' | 'timer'> {
    const { clock } = this.#options
    const ms = durationS * 1000
    return {
      expiresAtMs: clock.wallMs() + ms,
      timer: clock.setTimer(() => this.release(id, 'expired'), ms)
    }
  }

  #shown(id: string, { slot: { name, type, priority }, key, expiresAtMs }: Kept): Reservation {
    const { bytes } = this.#options.residency.of(key)
    return { id, name, type, priority, bytes, expiresAtMs }
  }
}
