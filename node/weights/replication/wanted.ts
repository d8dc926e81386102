/**
 * How many copies the mesh is to have of which repositories. It is said on an admin or member device, and stated in the
 * manifests of that device and of those that hold the repository, which remember it.
 */

import type { Clock } from '../../../interface/clock.ts'
import type { Role } from '../../../interface/membership.ts'
import type { WantedRow, WantedTable } from '../../../storage/weights/wanted-table.ts'
import type { Wanted as Stated } from '../transfer/claims.ts'

/** Two clocks may each be a day off. A time further ahead would outlast what people say later. */
const AHEAD_MS_MAX = 2 * 24 * 3600 * 1000
/** That no number is wanted any more is remembered for as long as a device sleeps. */
const FORGOTTEN_AFTER_MS = 90 * 24 * 3600 * 1000

/** An edge device stands where others can look into it, and a guest asks only. */
export const mayWant = (role: Role | undefined): boolean => role === 'admin' || role === 'member'

export class Wanted {
  readonly #table: WantedTable
  readonly #clock: Clock
  #rows = new Map<string, WantedRow>()

  constructor(table: WantedTable, clock: Clock) {
    this.#table = table
    this.#clock = clock
  }

  /** What is on disk is of the mesh that this device has entered. */
  load(): void {
    this.#rows = new Map(this.#table.all().map(row => [row.cid, row]))
  }

  all(): WantedRow[] {
    const oldestMs = this.#clock.wallMs() - FORGOTTEN_AFTER_MS
    return [...this.#rows.values()].filter(({ copies, atMs }) => copies > 0 || atMs > oldestMs)
  }

  /** By CID, or the latest of this name. */
  of(ref: string): WantedRow | undefined {
    const called = this.all().filter(({ cid, name, copies }) => copies > 0 && (cid === ref || name === ref))
    return called.sort((a, b) => b.atMs - a.atMs)[0]
  }

  /** A person says so on this device. */
  say(one: Omit<Stated, 'atMs'>, self: string): void {
    const known = this.#rows.get(one.cid)
    this.#put({ ...one, atMs: Math.max(Math.floor(this.#clock.wallMs()), (known?.atMs ?? 0) + 1) }, self)
    if (one.copies > 0) this.refuse(one.cid, false)
  }

  /** @returns whether any of it was new. */
  heard(teller: string, stated: readonly Stated[]): boolean {
    const latestMs = this.#clock.wallMs() + AHEAD_MS_MAX
    const later = stated.filter(one => one.atMs <= latestMs && isLater(one, this.#rows.get(one.cid)))
    for (const one of later) this.#put(one, teller)
    return later.length > 0
  }

  /** The owner of this device wants no copy here, whatever other devices want. */
  refuse(cid: string, refused: boolean): void {
    const row = this.#rows.get(cid)
    if (row === undefined || row.refused === Number(refused)) return
    this.#table.refuse(cid, refused)
    this.load()
  }

  saw(cid: string, seen: string): void {
    this.#table.saw(cid, seen)
    this.load()
  }

  #put({ cid, name, bytes, copies, atMs }: Stated, teller: string): void {
    this.#table.put({ cid, name, bytes, copies, atMs, teller })
    // One may have given way.
    this.load()
  }
}

/** Of two that were said at one time, each device takes the same one. */
const isLater = (one: Stated, known: WantedRow | undefined): boolean =>
  known === undefined || one.atMs > known.atMs || (one.atMs === known.atMs && one.copies > known.copies)
