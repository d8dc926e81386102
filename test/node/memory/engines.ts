/** Engines of memory in this thread, one a device, and what sync would do between them. */

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Clock, systemClock } from '../../../interface/clock.ts'
import type { Role } from '../../../interface/membership.ts'
import { openDoc } from '../../../node/memory/docs/index.ts'
import type { OpenDoc } from '../../../node/memory/types.ts'
import type { Accepted, EngineEvent } from '../../../node/memory/worker/engine.ts'
import { LocalEngine } from '../../../node/memory/worker/local-engine.ts'
import { signingKey } from '../../../protocols/memory/signed.ts'
import { openDatabase } from '../../../storage/database/database.ts'
import { MEMORY_MIGRATIONS } from '../../../storage/memory/schema.ts'
import { seedOf } from './engine-seed.ts'

export { seedOf }
export const keyOfDevice = (name: string) => signingKey(seedOf(name))
export const MESH = keyOfDevice('the mesh').peerId

export function temporaryHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'lumos-memory-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  return home
}

export interface Device {
  readonly peerId: string
  readonly events: EngineEvent[]
  readonly path: string
  /** A call as the thread makes it: one commit. */
  do<T>(work: (engine: LocalEngine) => T): T
  close(): void
}

export interface DeviceOptions {
  readonly home?: string
  readonly clock?: Clock
  readonly openDoc?: OpenDoc
  readonly spaceBytesMax?: number
  readonly file?: string
  /** Of another key than that of the name. */
  readonly seed?: Uint8Array
}

export function device(name: string, options: DeviceOptions = {}): Device {
  const path = join(options.home ?? temporaryHome(), 'memory.db')
  // What is on disk after a power cut is a matter of the thread of memory.
  const database = openDatabase(path, { migrations: MEMORY_MIGRATIONS, synchronous: 'NORMAL' })
  const key = options.seed === undefined ? keyOfDevice(name) : signingKey(options.seed)
  const events: EngineEvent[] = []
  const engine = database.transaction(
    () =>
      new LocalEngine({
        database,
        file: options.file ?? `${statSync(path).ino}`,
        key,
        clock: options.clock ?? systemClock,
        openDoc: options.openDoc ?? openDoc,
        spaceBytesMax: options.spaceBytesMax ?? 1024 ** 3,
        emit: event => events.push(event),
        applying() {}
      })
  )
  let isOpen = true
  const close = () => {
    if (isOpen) database.close()
    isOpen = false
  }
  onTestFinished(close)
  return { peerId: key.peerId, events, path, do: work => database.transaction(() => work(engine)), close }
}

/** Tell each of these who the devices of the mesh are. */
export function meet(devices: readonly Device[], others: Record<string, Role | 'revoked'> = {}): void {
  const members = devices.map(({ peerId }) => {
    const role = others[peerId] ?? 'member'
    return { peerId, role: role === 'revoked' ? ('member' as const) : role, revoked: role === 'revoked' }
  })
  for (const { do: run } of devices) run(engine => engine.setMembers(MESH, members))
}

/** One pull: `to` gets from `from` all that it may have and does not. */
export function pull(from: Device, to: Device): Accepted {
  let sum: Accepted = { taken: 0, waiting: 0, refused: [] }
  for (const state of from.do(engine => engine.statesFor(to.peerId))) {
    const { space } = state
    const bundle = from.do(engine => engine.charters(space, 1, to.peerId))
    if (
      to.do(engine => engine.acceptCharters(space, bundle, from.peerId)) &&
      state.isReadable &&
      state.hash === ''
    )
      continue
    if (to.do(engine => engine.rightOf(space, to.peerId)) === null) continue
    const record = from.do(engine => engine.checkpoint(space))
    if (record !== null) takeCheckpoint(from, to, space, record)
    for (let isOver = false; !isOver; ) {
      const heads = to.do(engine => engine.statesFor(to.peerId)).find(one => one.space === space)?.heads ?? []
      const envelopes = from.do(engine => engine.envelopesAfter(space, heads, 64 * 1024))
      const accepted = to.do(engine => engine.accept(space, envelopes, from.peerId))
      isOver = accepted.taken === 0
      sum = {
        taken: sum.taken + accepted.taken,
        waiting: accepted.waiting,
        refused: [...sum.refused, ...accepted.refused]
      }
    }
  }
  return sum
}

function takeCheckpoint(from: Device, to: Device, space: string, record: Uint8Array): void {
  const { missing } = to.do(engine => engine.takeCheckpoint(space, record, from.peerId))
  if (missing.length === 0) return
  const pieces = missing.map(hash => from.do(engine => engine.piece(space, hash))!)
  to.do(engine => engine.putPieces(space, pieces))
  to.do(engine => engine.takeCheckpoint(space, record, from.peerId))
}

export function sync(one: Device, other: Device): void {
  pull(one, other)
  pull(other, one)
}

export const facts = (at: Device, space: string, doc = 'default') => {
  const content = at.do(engine => engine.read(space, doc))
  return content.kind === 'facts' ? content.facts : content
}

export const set = (at: Device, space: string, key: string, value: string, doc = 'default') =>
  at.do(engine => engine.write(space, doc, 'facts', [{ type: 'set', key, value }]))

export const hashOf = (at: Device, space: string): string | null => at.do(engine => engine.space(space).hash)
