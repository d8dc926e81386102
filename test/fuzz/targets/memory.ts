/** What applies updates of other devices to documents of memory, and opens their snapshots. */

import assert from 'node:assert/strict'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { DOC_KINDS, type DocKind } from '../../../interface/memory.ts'
import { openDoc } from '../../../node/memory/docs/index.ts'
import type { DocModel } from '../../../node/memory/types.ts'
import { Device, meet, type Sent } from '../../node/memory/devices.ts'
import type { Target } from '../target.ts'

const NONE: ReadonlySet<number> = new Set()
/** Of the processor's time: what a hostile writer may take of the thread of memory with one update. */
const APPLY_CPU_MS_MAX = 50
/** Half of all reads that open a document anew are enough. */
const SHARE = 0.2

interface Given {
  readonly snapshot: Uint8Array
  /** What its writer may send next: each instead of the others. */
  readonly next: readonly Sent[]
}

/** A document that two devices wrote. */
function given(kind: DocKind): Given {
  const [a, b] = [new Device(kind, 1), new Device(kind, 2)]
  for (const number of [0, 1, 2, 5, 3]) {
    a.writeSome(number)
    b.writeSome(number + 1)
    meet([a, b])
  }
  const next = [3, 4, 6, 7, 9, 11, 13].flatMap(number => {
    const device = new Device(kind, 1)
    meet([a, device])
    device.writeSome(number)
    return device.log.slice(a.log.length)
  })
  return { snapshot: b.doc.snapshot(), next }
}

/** What was taken can be read, and is the same once it was opened again. */
function checkWhole(kind: DocKind, doc: DocModel): void {
  const again = openDoc(kind, doc.snapshot(), NONE)
  assert.deepEqual(again.hash(), doc.hash())
  again.read()
  again.close()
}

function updates(kind: DocKind, { snapshot, next }: Given): Target {
  let doc = openDoc(kind, snapshot, NONE)
  return {
    name: `memory ${kind}`,
    seeds: next.map(({ update }) => update),
    share: SHARE,
    read(bytes) {
      const began = process.threadCpuUsage()
      try {
        doc.apply(bytes, next[0]!.by)
      } finally {
        const { user, system } = process.threadCpuUsage(began)
        const ms = (user + system) / 1000
        assert.ok(ms < APPLY_CPU_MS_MAX, `an update takes ${ms} ms`)
      }
      checkWhole(kind, doc)
      doc.close()
      doc = openDoc(kind, snapshot, NONE)
    },
    state: () => Buffer.from(doc.hash()).toString('hex')
  }
}

const snapshots = (kind: DocKind, { snapshot }: Given): Target => ({
  name: `memory ${kind} snapshot`,
  seeds: [inflateRawSync(snapshot)],
  share: SHARE,
  read(bytes) {
    const doc = openDoc(kind, deflateRawSync(bytes), NONE)
    checkWhole(kind, doc)
    doc.close()
  }
})

export const MEMORY_TARGETS: readonly Target[] = DOC_KINDS.flatMap(kind => {
  const from = given(kind)
  return [updates(kind, from), snapshots(kind, from)]
})
