/**
 * Devices that have said in their manifest that they may be woken, with the last that was heard of each. All of it is a
 * claim of the device, and is kept across restarts, because a device sleeps longer than its manifest lives.
 */

import { isIPv4 } from 'node:net'
import * as z from 'zod'
import { Hardware, type Manifest, Offered } from '../../interface/manifest.ts'
import { decodePart } from '../../protocols/wake/index.ts'
import type { Database } from '../../storage/database/database.ts'

/** A device that was not seen for so long was given away, or has another network card. */
const SEEN_MS_MAX = 14 * 24 * 3600 * 1000
/** More than one home or office lets be woken; a large mesh has its servers, which do not sleep. */
export const WAKEABLE_MAX = 256
/** Manifests come each minute and differ in little: what is on disk may be so much older than what is in memory. */
const STORED_EACH_MS = 60_000

const Last = z.object({
  hardware: Hardware,
  onBattery: z.boolean().optional(),
  capabilities: z.array(Offered),
  addresses: z.array(z.string())
})

export interface WakeableDevice {
  readonly peerId: string
  readonly macs: readonly Uint8Array[]
  /** Of IPv4, as it stated them last. */
  readonly ips: readonly string[]
  readonly last: z.infer<typeof Last>
  readonly seenAtMs: number
  /** How long it took the last time until it was connected. */
  readonly wakeMs: number | undefined
}

interface Row {
  readonly peer_id: string
  readonly part: Uint8Array
  readonly last: string
  readonly seen_at_ms: number
  readonly wake_ms: number | null
}

export const WAKEABLE_TABLES = {
  migrations: [
    `CREATE TABLE wakeable (
      peer_id TEXT PRIMARY KEY,
      part BLOB NOT NULL,
      last TEXT NOT NULL,
      seen_at_ms INTEGER NOT NULL,
      wake_ms INTEGER
    ) STRICT`
  ],
  scopes: { wakeable: 'mesh' }
} as const

export class WakeableDevices {
  readonly #database: Database
  /** The admin that let a device in. */
  readonly #issuerOf: (peerId: string) => string
  readonly #devices = new Map<string, WakeableDevice>()
  readonly #storedAtMs = new Map<string, number>()

  constructor(database: Database, issuerOf: (peerId: string) => string) {
    this.#database = database
    this.#issuerOf = issuerOf
    for (const row of database.prepare<Row>('SELECT * FROM wakeable').all()) {
      const last = Last.safeParse(JSON.parse(row.last))
      if (last.success)
        this.#devices.set(
          row.peer_id,
          deviceOf(row.peer_id, row.part, last.data, row.seen_at_ms, row.wake_ms ?? undefined)
        )
    }
  }

  get(peerId: string, nowMs: number): WakeableDevice | undefined {
    const device = this.#devices.get(peerId)
    return device !== undefined && nowMs - device.seenAtMs <= SEEN_MS_MAX ? device : undefined
  }

  list(nowMs: number): WakeableDevice[] {
    return [...this.#devices.keys()].flatMap(peerId => this.get(peerId, nowMs) ?? [])
  }

  /**
   * A newer manifest of a member. One without the part takes the permission back.
   *
   * @throws {ProtocolViolationError} for a part that is not as agreed, which changes nothing.
   */
  heard(manifest: Manifest, part: Uint8Array | undefined, nowMs: number): void {
    const { peerId, hardware, onBattery, capabilities, addresses } = manifest
    if (part === undefined) {
      this.forget(peerId)
      return
    }
    const last = { hardware, capabilities, addresses, ...(onBattery && { onBattery }) }
    const known = this.#devices.get(peerId)
    const device = deviceOf(peerId, part, last, nowMs, known?.wakeMs)
    this.#devices.set(peerId, device)
    if (nowMs - (this.#storedAtMs.get(peerId) ?? Number.NEGATIVE_INFINITY) >= STORED_EACH_MS)
      this.#store(device, part, nowMs)
    if (this.#devices.size > WAKEABLE_MAX) this.#forgetOne()
  }

  woken(peerId: string, wakeMs: number): void {
    const device = this.#devices.get(peerId)
    if (device === undefined) return
    this.#devices.set(peerId, { ...device, wakeMs })
    this.#database
      .prepare('UPDATE wakeable SET wake_ms = ? WHERE peer_id = ?')
      .run(Math.round(wakeMs), peerId)
  }

  forget(peerId: string): void {
    this.#storedAtMs.delete(peerId)
    if (this.#devices.delete(peerId))
      this.#database.prepare('DELETE FROM wakeable WHERE peer_id = ?').run(peerId)
  }

  #store({ peerId, last, seenAtMs, wakeMs }: WakeableDevice, part: Uint8Array, nowMs: number): void {
    this.#storedAtMs.set(peerId, nowMs)
    this.#database
      .prepare('INSERT OR REPLACE INTO wakeable VALUES (?, ?, ?, ?, ?)')
      .run(
        peerId,
        part,
        JSON.stringify(last),
        Math.round(seenAtMs),
        wakeMs === undefined ? null : Math.round(wakeMs)
      )
  }

  /** Made-up devices of one admin push out each other. */
  #forgetOne(): void {
    const groups = [...Map.groupBy(this.#devices.values(), ({ peerId }) => this.#issuerOf(peerId)).values()]
    const largest = groups.reduce((most, group) => (group.length > most.length ? group : most))
    this.forget(largest.reduce((oldest, one) => (one.seenAtMs < oldest.seenAtMs ? one : oldest)).peerId)
  }
}

function deviceOf(
  peerId: string,
  part: Uint8Array,
  last: z.infer<typeof Last>,
  seenAtMs: number,
  wakeMs: number | undefined
): WakeableDevice {
  const ips = last.addresses.flatMap(address => /^\/ip4\/([\d.]+)\//.exec(address)?.[1] ?? []).filter(isIPv4)
  return { peerId, macs: decodePart(part), ips, last, seenAtMs, wakeMs }
}
