/** What was refused for what was not known of its writer then is asked for again when the members have changed. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import type { MeshContext } from '../../node/feature.ts'
import { MemorySync } from '../../node/memory/sync/memory-sync.ts'
import type { Accepted, MemoryEngine, SpaceState } from '../../node/memory/worker/engine.ts'
import type { Want } from '../../protocols/memory/messages.ts'
import { keyOfDevice } from '../node/memory/engines.ts'

const SPACE = 'a'.repeat(26)
const PEER = keyOfDevice('peer').peerId
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const state: SpaceState = {
  ...{ space: SPACE, isReadable: true, heads: [], hash: '', checkpoint: null },
  charter: { version: 1, hash: new Uint8Array(32).fill(0xcd) }
}

/** How often the peer was asked: at first, after each of two changes of the members, and after it has offered more. */
async function asked(refused: Accepted['refused']): Promise<number[]> {
  const wants: Want[] = []
  const engine: Partial<MemoryEngine> = {
    onEvent: () => () => {},
    statesFor: async () => [state],
    rightOf: async () => 'carry',
    accept: async () => ({ taken: 0, waiting: 0, refused })
  }
  const mesh: Partial<MeshContext> = {
    ...{ peerId: keyOfDevice('self').peerId, clock: systemClock, random: Math.random, log: quiet },
    open: async () => {
      throw new Error('It is not dialed here.')
    }
  }
  const sync = new MemorySync({ engine: engine as MemoryEngine, mesh: mesh as MeshContext })
  await sync.start()
  const asker = { want: (want: Want) => wants.push(want), have() {}, need() {}, abort() {} }
  const feed = await sync.feedOf(PEER, asker)
  const hash = 'cd'.repeat(32)
  feed.onOffer({
    ...{ space: SPACE, version: 1, charter: hash, digest: hash, content: null, checkpoint: 0 }
  })
  await feed.onEnvelopes(SPACE, [])
  feed.onEnd(SPACE)
  const counts = [wants.length]
  for (let change = 0; change < 2; change++) {
    await sync.changed()
    counts.push(wants.length)
  }
  feed.onEnd(SPACE)
  feed.onOffer({
    ...{ space: SPACE, version: 1, charter: hash, digest: 'ef'.repeat(32), content: null, checkpoint: 0 }
  })
  counts.push(wants.length)
  sync.stop()
  return counts
}

describe('what a peer sent', () => {
  it('is asked for again once after members have changed, where its writer might not write before', async () => {
    const message = 'its role was not known'
    assert.deepEqual(await asked([{ code: 'MEMORY_DENIED', writer: null, message }]), [1, 2, 2, 3])
  })

  it('is not asked for again where it was all taken', async () => {
    assert.deepEqual(await asked([]), [1, 1, 1, 2])
  })

  it('is not asked for again at the next offer where its writer signed what does not hold', async () => {
    const message = 'its content is none'
    const writer = { device: PEER, life: 'a' }
    assert.deepEqual(await asked([{ code: 'MEMORY_INVALID', writer, message }]), [1, 1, 1, 1])
  })
})
