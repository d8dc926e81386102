/** How fast leaves come from several holders, by a clock that stands still: what the rules lose beside the rates of the links. */

import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { LEAF_BYTES } from '../../interface/limits.ts'
import { Holder } from '../../node/weights/transfer/holder.ts'
import { IncomingFile } from '../../node/weights/transfer/incoming.ts'
import { pickLeaf } from '../../node/weights/transfer/pick.ts'
import type { BlocksClient } from '../../protocols/blocks/index.ts'
import { seededRandom } from '../../sim/random.ts'
import type { PartialFile } from '../../storage/weights/types.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const STEP_MS = 5
const LATENCY_MS = 5
/** What others have is looked at each half second. */
const SEEDER_LEAF_MS = 250
/** Of the slowest link: while the last one comes, the others may have nothing left to send. */
const LOST_LEAVES_MAX = 1.5

interface Links {
  readonly leaves: number
  /** How long each holder takes to send a leaf. */
  readonly leafMs: readonly number[]
  /** To hash a leaf and write it. */
  readonly writeMs: number
}

/** @returns when all is on disk, and how many leaves were asked for. */
async function fetched({ leaves, leafMs, writeMs }: Links): Promise<{ ms: number; asked: number }> {
  const clock = new ManualClock()
  const pause = (ms: number) => new Promise<void>(resolve => clock.setTimer(resolve, ms))
  const over = new AbortController()
  const bytes = leaves * LEAF_BYTES
  const file = new IncomingFile({ path: 'model.bin', sha256: '', cid: '', bytes }, Math.random)
  file.digests = new Uint8Array(leaves * 32)
  file.open({ write: () => pause(writeMs) } as unknown as PartialFile)
  const holders: Holder[] = []
  let asked = 0
  const linkOf = (leafMs: number): BlocksClient => {
    let freeMs = 0
    const block: BlocksClient['block'] = async (_, { into } = {}) => {
      asked++
      freeMs = Math.max(freeMs, clock.monotonicMs() + LATENCY_MS) + leafMs
      await pause(freeMs - clock.monotonicMs())
      return into
    }
    return { block } as BlocksClient
  }
  for (const [n, ms] of leafMs.entries()) {
    const holder = new Holder(`${n}`, linkOf(ms), true, {
      clock,
      signal: over.signal,
      files: () => [file],
      pick: holder => pickLeaf(holder, [file], holders),
      onLeaf() {},
      onFailure: assert.fail
    })
    holders.push(holder)
    holder.run().catch(() => {})
  }
  while (!file.complete) {
    await turn()
    clock.advance(STEP_MS)
  }
  over.abort(new Error('over'))
  for (const holder of holders) holder.wake()
  return { ms: clock.monotonicMs(), asked }
}

/** Devices that fetch a file at once: from one seeder, whose link they share, and from each other. */
async function fetchedTogether(devices: number, leaves: number): Promise<{ sent: number; times: number }> {
  const clock = new ManualClock()
  const pause = (ms: number) => new Promise<void>(resolve => clock.setTimer(resolve, ms))
  const over = new AbortController()
  const random = seededRandom(7)
  const files = Array.from({ length: devices }, () => {
    const file = new IncomingFile(
      { path: 'model.bin', sha256: '', cid: '', bytes: leaves * LEAF_BYTES },
      random
    )
    const there = new Set<number>()
    file.digests = new Uint8Array(leaves * 32)
    file.open({
      has: (leaf: number) => there.has(leaf),
      write: async (leaf: number) => void there.add(leaf)
    } as unknown as PartialFile)
    return file
  })
  let sent = 0
  const linkOf = (leafMs: number, onLeaf: () => void): BlocksClient => {
    let freeMs = 0
    const block: BlocksClient['block'] = async (_, { into } = {}) => {
      onLeaf()
      freeMs = Math.max(freeMs, clock.monotonicMs() + LATENCY_MS) + leafMs
      await pause(freeMs - clock.monotonicMs())
      return into
    }
    return { block } as BlocksClient
  }
  const seeder = linkOf(SEEDER_LEAF_MS, () => sent++)
  const links = files.map(() => linkOf(LATENCY_MS, () => {}))
  for (const file of files) {
    const holders: Holder[] = []
    for (const other of [undefined, ...files.filter(other => other !== file)]) {
      const client = other === undefined ? seeder : links[files.indexOf(other)]!
      const holder = new Holder(`${holders.length}`, client, other === undefined, {
        ...{ clock, signal: over.signal, files: () => [file], onLeaf() {}, onFailure: assert.fail },
        ...(other !== undefined && { look: async () => other.bitmap() }),
        pick: holder => pickLeaf(holder, [file], holders)
      })
      await holder.lookAt(file)
      holders.push(holder)
    }
    for (const holder of holders) holder.run().catch(() => {})
  }
  while (files.some(file => !file.complete)) {
    await turn()
    clock.advance(STEP_MS)
  }
  over.abort(new Error('over'))
  return { sent, times: clock.monotonicMs() / (leaves * SEEDER_LEAF_MS) }
}

describe('a file that several devices fetch at once from one', () => {
  it.each([
    [3, 1.6],
    [5, 2]
  ])(
    'is sent to %i of them hardly more than once in all, for each has an order of its own',
    async (devices, timesMax) => {
      const leaves = 48
      const { sent, times } = await fetchedTogether(devices, leaves)
      assert.ok(sent <= timesMax * leaves, `${sent} of ${leaves}`)
      assert.ok(times <= timesMax, `${times}`)
    }
  )

  it('comes in the order of the file to one that is alone with its holders', () => {
    const file = new IncomingFile({ path: '', sha256: '', cid: '', bytes: 8 * LEAF_BYTES }, seededRandom(7))
    file.open({} as PartialFile)
    const take = (isShared: boolean): number => {
      const leaf = file.next(() => true, isShared)!
      file.asked(leaf)
      return leaf
    }
    assert.deepEqual([take(false), take(false)], [0, 1])
    const shared = [take(true), take(true), take(true)]
    assert.notDeepEqual(shared, [2, 3, 4])
    file.givenUp(0)
    const rest = [take(false), take(false), take(false), take(false)]
    assert.deepEqual(rest, rest.toSorted())
    assert.deepEqual([...shared, ...rest].sort(), [0, 2, 3, 4, 5, 6, 7])
    assert.equal(
      file.next(() => true, true),
      undefined
    )
  })
})

describe('leaves from several holders', () => {
  it('come as fast as all links together bring them, but for the last ones', async () => {
    const links = fc.record({
      leaves: fc.integer({ min: 16, max: 32 }),
      leafMs: fc.array(fc.integer({ min: 100, max: 300 }), { minLength: 1, maxLength: 3 }),
      writeMs: fc.integer({ min: 200, max: 500 })
    })
    await fc.assert(
      fc.asyncProperty(links, async given => {
        const { leaves, leafMs, writeMs } = given
        const idealMs = leaves / leafMs.reduce((sum, ms) => sum + 1 / ms, 0)
        const { ms, asked } = await fetched(given)
        const lostMs = ms - writeMs - idealMs
        assert.ok(lostMs <= LOST_LEAVES_MAX * Math.max(...leafMs), `${lostMs} ms`)
        // The last ones may be asked for twice.
        assert.ok(asked <= leaves + 2 * leafMs.length, `${asked}`)
      }),
      { numRuns: 25 }
    )
  })
})

it('a leaf of another length ends its holder, and is asked for of another one', async () => {
  const clock = new ManualClock()
  const over = new AbortController()
  const file = new IncomingFile(
    { path: 'model.bin', sha256: '', cid: '', bytes: 2 * LEAF_BYTES },
    Math.random
  )
  file.digests = Uint8Array.from({ length: 64 }, (_, byte) => byte)
  file.open({ write: async () => {} } as unknown as PartialFile)
  const holders: Holder[] = []
  const add = (length: number): Promise<never> => {
    const block: BlocksClient['block'] = async () => new Uint8Array(length)
    const holder = new Holder(`${length}`, { block } as BlocksClient, true, {
      ...{ clock, signal: over.signal },
      files: () => [file],
      pick: holder => pickLeaf(holder, [file], holders),
      onLeaf() {},
      onFailure: assert.fail
    })
    holders.push(holder)
    return holder.run().finally(() => holder.leave())
  }
  await assert.rejects(add(1), { code: 'PROTOCOL_VIOLATION' })
  holders.pop()
  const honest = add(LEAF_BYTES)
  while (!file.complete) await turn()
  over.abort(new Error('over'))
  holders[0]!.wake()
  await assert.rejects(honest, { message: 'over' })
})
