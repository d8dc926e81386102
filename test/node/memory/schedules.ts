/** Schedules of devices that write, meet in part, crash and exclude; and the promises that hold after each. */

import assert from 'node:assert/strict'
import type { Random } from '../../../interface/clock.ts'
import type { DocKind } from '../../../interface/memory.ts'
import { openDoc } from '../../../node/memory/docs/index.ts'
import type { DocModel } from '../../../node/memory/types.ts'
import { Device, meet, type Sent } from './devices.ts'

const hashOf = (doc: DocModel): string => Buffer.from(doc.hash()).toString('hex')
/** Their content without an excluded writer is that of a log that never had it. Others refer to its structs. */
const OF_SLOTS: ReadonlySet<DocKind> = new Set(['facts', 'journal', 'thread', 'tasks'])

/** @throws when devices that have the same envelopes differ, or a document differs from what it was made of. */
export function runSchedule(kind: DocKind, random: Random): void {
  const below = (n: number): number => Math.floor(random() * n)
  const devices = Array.from({ length: 2 + below(3) }, (_, i) => new Device(kind, i + 1))
  for (let step = 4 + below(20); step > 0; step--) {
    const device = devices[below(devices.length)]!
    const dice = below(10)
    if (dice < 6) device.writeSome(below(100))
    else if (dice < 9) give(devices[below(devices.length)]!, device, below)
    else device.doc = device.reopened()
  }
  meet(devices)
  const [first, ...rest] = devices
  for (const other of rest) {
    assert.equal(other.hash(), first!.hash(), 'devices that met have the same content')
    assert.deepEqual(other.doc.entries(), first!.doc.entries())
  }
  assert.equal(hashOf(first!.rebuilt()), first!.hash(), 'a document is what its log says')
  assert.equal(hashOf(first!.reopened()), first!.hash(), 'a document is what its snapshot says')

  const banned = new Set([devices[below(devices.length)]!.client])
  const without = first!.rebuilt(banned)
  for (const { log } of rest) {
    assert.equal(
      hashOf(replay(kind, log, banned)),
      hashOf(without),
      'devices that exclude a writer have the same'
    )
  }
  if (!OF_SLOTS.has(kind)) return
  assert.equal(hashOf(first!.reopened(banned)), hashOf(without))
  const never = first!.log.filter(({ by }) => !banned.has(by.client))
  assert.equal(hashOf(replay(kind, never)), hashOf(without), 'an excluded writer is as one that never wrote')
}

/** Some of what a device has, in any order: repeated and too early ones change nothing. */
function give(from: Device, to: Device, below: (n: number) => number): void {
  if (from === to) return
  for (const sent of [...from.log]) if (below(3) > 0) to.take(sent)
  for (let i = from.log.length; i > 0; i--) to.take(from.log[below(from.log.length)]!)
}

function replay(kind: DocKind, log: readonly Sent[], excluded: ReadonlySet<number> = new Set()): DocModel {
  const doc = openDoc(kind, null, excluded)
  for (const { update, by } of log) doc.apply(update, by)
  return doc
}

/** Each order in which these can come, causes before effects. */
export function* ordersOf(
  sent: readonly Sent[],
  had: ReadonlyMap<number, number> = new Map()
): Iterable<Sent[]> {
  if (sent.length === 0) yield []
  for (const next of sent) {
    const { by, seq, past } = next
    const ready =
      (had.get(by.client) ?? 0) === seq - 1 && [...past].every(([client, n]) => (had.get(client) ?? 0) >= n)
    if (!ready) continue
    const rest = sent.filter(other => other !== next)
    for (const order of ordersOf(rest, new Map(had).set(by.client, seq))) yield [next, ...order]
  }
}

/** A few envelopes of three devices, two of which have met once; in every order. @returns how many orders these were. */
export function runEveryOrder(kind: DocKind, start: number): number {
  const [a, b, c] = [new Device(kind, 1), new Device(kind, 2), new Device(kind, 3)]
  a.writeSome(start)
  c.writeSome(start + 3)
  b.writeSome(start + 1)
  meet([a, b])
  a.writeSome(start + 4)
  b.writeSome(start + 4)
  c.writeSome(start + 7)
  meet([a, b, c])
  let orders = 0
  for (const order of ordersOf(a.log)) {
    orders++
    assert.equal(hashOf(replay(kind, order)), a.hash())
  }
  return orders
}
