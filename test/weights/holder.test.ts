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
import type { PartialFile } from '../../storage/weights/types.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const STEP_MS = 5
const LATENCY_MS = 5
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
  const file = new IncomingFile({ path: 'model.bin', sha256: '', cid: '', bytes })
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
  const file = new IncomingFile({ path: 'model.bin', sha256: '', cid: '', bytes: 2 * LEAF_BYTES })
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
