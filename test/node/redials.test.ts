import { expect, it } from 'vitest'
import { Discovery } from '../../node/network/discovery.ts'
import type { MeshLibp2p } from '../../node/network/libp2p.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

/** When a dead address is dialed; `random` says how much of the jitter applies. */
async function dialsOf(random: number, count: number, stepMs = 500): Promise<number[]> {
  const clock = new ManualClock()
  const dials: number[] = []
  const libp2p = {
    addEventListener() {},
    removeEventListener() {},
    peerStore: { all: async () => [] },
    getConnections: () => [],
    async dial() {
      dials.push(clock.monotonicMs())
      throw new Error('refused')
    }
  } as unknown as MeshLibp2p
  const discovery = new Discovery({
    ...{ libp2p, clock, log, random: () => random },
    addresses: ['/ip4/192.0.2.1/tcp/5867'],
    wants: () => true
  })
  await discovery.start()
  for (let second = 0; dials.length < count; second++) {
    clock.advance(second === 0 ? 0 : stepMs)
    await new Promise(resolve => setImmediate(resolve))
  }
  discovery.stop()
  return dials
}

it('dials a dead address ever more slowly, up to every five minutes', async () => {
  const dials = await dialsOf(1, 12)
  const waits = dials.slice(1).map((atMs, i) => (atMs - dials[i]!) / 1000)
  expect(dials[0]).toBe(0)
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
})

it('waits at least half of that, however the jitter falls', async () => {
  const dials = await dialsOf(0, 5)
  expect(dials.slice(1).map((atMs, i) => (atMs - dials[i]!) / 1000)).toEqual([0.5, 1, 2, 4])
})

it('dials an address of the settings as long as the node runs', async () => {
  expect(await dialsOf(0, 150, 300_000)).toHaveLength(150)
})
