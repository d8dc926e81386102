/** Makes the copies of models that the mesh wants of this device: the shell of `replication-core.ts`. */

import { isOnBattery } from '../../../capabilities/index.ts'
import type { Clock, Random, Timer } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import type { Logger } from '../../../interface/lifecycle.ts'
import { MANIFEST_TTL_MS_MAX } from '../../../interface/manifest.ts'
import type { Repository } from '../../../interface/weights.ts'
import { WantedTable } from '../../../storage/weights/wanted-table.ts'
import type { DiskWeightStore } from '../../../storage/weights/weight-store.ts'
import type { FeatureComponents, MeshContext } from '../../feature.ts'
import type { Statement } from '../transfer/claims.ts'
import type { WeightTransfer } from '../transfer/transfer.ts'
import {
  newReplication,
  type ReplicaDevice,
  type ReplicationState,
  type ReplicationTimes,
  stepReplication
} from './replication-core.ts'
import { mayWant, Wanted } from './wanted.ts'

/** Several manifests within this time make one look. */
const LOOK_AFTER_MS = 500
/** Devices that were removed, and those that fell silent, are noticed within this. */
const LOOK_AGAIN_MS = 10 * 60_000
/** A disk that is filled by copies alone leaves this share of it to its owner. */
const FREE_SHARE = 0.2
/** When a holder was last seen is written this often. */
const SEEN_MS = 3600 * 1000

export const REPLICATION_TIMES: Omit<ReplicationTimes, 'graceMs'> = {
  settleMs: 2000,
  patienceMs: 10 * 60_000,
  retryMs: 10 * 60_000
}

export interface ReplicationComponents extends Pick<FeatureComponents, 'database' | 'begin'> {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly store: DiskWeightStore
  readonly transfer: WeightTransfer
  readonly times: ReplicationTimes
  /** Whether this device takes copies at all. */
  readonly takes: boolean
}

export class Replication {
  readonly #components: ReplicationComponents
  readonly #wanted: Wanted
  readonly #writtenMs = new Map<string, number>()
  #state: ReplicationState | undefined
  #mesh: MeshContext | undefined
  #roomBytes = 0
  #timer: { readonly timer: Timer; readonly atMs: number } | undefined

  constructor(components: ReplicationComponents) {
    this.#components = components
    this.#wanted = new Wanted(new WantedTable(components.database), components.clock)
  }

  join(mesh: MeshContext): void {
    const { clock, times } = this.#components
    this.#mesh = mesh
    this.#wanted.load()
    this.#state = newReplication(mesh.peerId, times)
    for (const { cid, seen } of this.#wanted.all())
      this.#step({ type: 'restored', cid, seen: seenOf(seen, clock.monotonicMs(), clock.wallMs()) })
  }

  async start(): Promise<void> {
    await this.#measure()
    this.#lookSoon()
  }

  stop(): void {
    this.#timer?.timer.cancel()
    this.#timer = undefined
    this.#mesh = undefined
  }

  /** What this device states in its manifest. @param held CIDs of what it has. */
  statement(held: ReadonlySet<string>): Statement {
    const all = this.#wanted.all()
    // Its room matters where copies are wanted, and devices of the first version refuse a manifest that has parts.
    if (all.length === 0) return { wanted: [] }
    const wanted = all
      .filter(({ cid, teller }) => held.has(cid) || teller === this.#mesh?.peerId)
      .sort((a, b) => b.atMs - a.atMs)
      .map(({ cid, name, bytes, copies, atMs }) => ({ cid, name, bytes, copies, atMs }))
    return { wanted, ...(this.#roomBytes > 0 && { room: this.#roomBytes }) }
  }

  /** This peer has stated something. */
  heard(peerId: string): void {
    const { transfer } = this.#components
    const { wanted = [] } = transfer.devices.claimOf(peerId) ?? {}
    const counts = mayWant(this.#mesh?.members.get(peerId)?.role)
    if (counts && this.#wanted.heard(peerId, wanted)) this.#mesh?.manifestChanged()
    this.#lookSoon()
  }

  /** Copies that are wanted of it; null where no number was said. */
  copiesOf(ref: string): number | null {
    return this.#wanted.of(ref)?.copies ?? null
  }

  /** @throws {LumosError} `DENIED` on an edge device, and on that of a guest. */
  want({ cid, name, bytes }: Repository, copies: number): void {
    const mesh = this.#mesh
    if (mesh === undefined) throw new LumosError('NODE_NOT_RUNNING', 'This node has not started.')
    const role = mesh.members.get(mesh.peerId)?.role
    if (!mayWant(role))
      throw new LumosError('DENIED', `A device with the role ${role} does not say how many copies there are.`)
    this.#wanted.say({ cid, name, bytes, copies }, mesh.peerId)
    mesh.manifestChanged()
    this.#lookSoon()
  }

  /** The store has other repositories than before. */
  changed(): void {
    this.#lookSoon()
  }

  /** The owner of this device has taken the copy away, or what was stated of it is false: it is not fetched again. */
  refuse(cid: string): void {
    // A node that stops gives up its jobs, and its owner none of them.
    if (this.#mesh !== undefined) this.#wanted.refuse(cid, true)
  }

  failed(cid: string): void {
    if (this.#mesh === undefined) return
    this.#step({ type: 'failed', cid })
    this.#lookSoon()
  }

  /** Bytes that a copy may have now; none where enough devices hold it by now. */
  roomFor(cid: string): number {
    const wanted = this.#wanted.of(cid)
    const holders = this.#state?.copies.get(cid)?.seen.size ?? 0
    return wanted !== undefined && holders < wanted.copies ? this.#roomBytes : 0
  }

  /** Without wanted copies nothing is looked at, and no timer runs. */
  #lookSoon(delayMs = LOOK_AFTER_MS): void {
    const { clock } = this.#components
    if (this.#mesh === undefined || this.#wanted.all().length === 0) return
    const atMs = clock.monotonicMs() + delayMs
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return
    this.#timer?.timer.cancel()
    const timer = clock.setTimer(() => {
      this.#timer = undefined
      void this.#look().catch(err => this.#components.log.warn({ err }, 'the copies were not looked at'))
    }, delayMs)
    this.#timer = { timer, atMs }
  }

  async #look(): Promise<void> {
    await this.#measure()
    const mesh = this.#mesh
    if (mesh === undefined) return
    const wanted = this.#wanted.all().map(row => ({ ...row, isRefused: row.refused === 1 }))
    const effects = this.#step({ type: 'look', wanted, devices: this.#devices(mesh) })
    let delayMs = LOOK_AGAIN_MS
    for (const effect of effects) {
      if (effect.type === 'timer') delayMs = Math.min(delayMs, effect.delayMs)
      else this.#begin(effect.wanted)
    }
    this.#write(wanted.map(({ cid }) => cid))
    this.#lookSoon(Math.max(delayMs, LOOK_AFTER_MS))
  }

  #begin({ cid, name }: { readonly cid: string; readonly name: string }): void {
    const { begin, log } = this.#components
    try {
      begin('model.replicate', { cid, name })
      log.info({ model: name, cid }, 'the mesh wants a copy here')
    } catch (err) {
      log.warn({ model: name, cid, err }, 'no copy was begun')
      this.#step({ type: 'failed', cid })
    }
  }

  #devices(mesh: MeshContext): ReplicaDevice[] {
    const { clock, transfer } = this.#components
    const own = new Set(transfer.held().map(({ cid }) => cid))
    return mesh.members.list().map(({ peerId, role }) => {
      if (peerId === mesh.peerId)
        return { peerId, role, isPresent: true, holds: own, roomBytes: this.#roomBytes }
      const { held = [], room: roomBytes = 0, heardMs } = transfer.devices.claimOf(peerId) ?? {}
      const isPresent = heardMs !== undefined && clock.monotonicMs() - heardMs < MANIFEST_TTL_MS_MAX
      return { peerId, role, isPresent, holds: new Set(held.map(({ cid }) => cid)), roomBytes }
    })
  }

  /** What this device takes of copies, in a power of two, so that its manifest does not change by each byte. */
  async #measure(): Promise<void> {
    const { store, takes } = this.#components
    const bytes = takes && !(await isOnBattery()) ? await store.partials.room.left(FREE_SHARE) : 0
    const room = bytes > 0 ? 2 ** Math.floor(Math.log2(bytes)) : 0
    if (room === this.#roomBytes) return
    this.#roomBytes = room
    this.#mesh?.manifestChanged()
  }

  #step(event: Parameters<typeof stepReplication>[1]) {
    const { clock, random } = this.#components
    return stepReplication(this.#state!, event, clock.monotonicMs(), random).effects
  }

  /** When each holder was seen, in wall time: after a restart, a device that is away is not gone at once. */
  #write(cids: readonly string[]): void {
    const { clock } = this.#components
    const nowMs = clock.monotonicMs()
    for (const cid of cids) {
      const seen = this.#state?.copies.get(cid)?.seen ?? new Map<string, number>()
      const key = `${cid} ${[...seen.keys()].sort().join()}`
      if (nowMs - (this.#writtenMs.get(key) ?? Number.NEGATIVE_INFINITY) < SEEN_MS) continue
      for (const old of this.#writtenMs.keys()) if (old.startsWith(`${cid} `)) this.#writtenMs.delete(old)
      this.#writtenMs.set(key, nowMs)
      const wall = [...seen].map(([peerId, ms]) => [peerId, Math.round(clock.wallMs() - (nowMs - ms))])
      this.#wanted.saw(cid, JSON.stringify(Object.fromEntries(wall)))
    }
  }
}

/** On the monotonic clock. A time that is still to come, by a clock that was wrong, is now. */
const seenOf = (seen: string, nowMs: number, wallMs: number): [string, number][] =>
  Object.entries(JSON.parse(seen) as Record<string, number>).map(([peerId, atMs]) => [
    peerId,
    nowMs - Math.max(0, wallMs - atMs)
  ])
