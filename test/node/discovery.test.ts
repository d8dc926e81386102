/** Whom a node dials, and where, when dials fail. */

import assert from 'node:assert/strict'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { describe, it } from 'vitest'
import { Discovery, type DiscoveryComponents } from '../../node/discovery.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const newPeerId = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const ADDRESS = '/ip4/192.0.2.7/tcp/5867'
/** Past the longest wait for the second dial. */
const REDIALED_MS = 10_000

/** A node on a network that takes no connection. */
async function unreachable() {
  const clock = new ManualClock()
  const dialed: string[] = []
  const libp2p = Object.assign(new EventTarget(), {
    peerId: await newPeerId(),
    peerStore: { all: async () => [] },
    getConnections: () => [],
    async dial(to: PeerId | Multiaddr[]) {
      dialed.push(String(to))
      throw new Error('lost on the way')
    }
  })
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const discovery = new Discovery({
    libp2p: libp2p as unknown as DiscoveryComponents['libp2p'],
    clock,
    random: () => 0.5,
    log,
    addresses: [],
    wants: () => true
  })
  await discovery.start()
  /** Whatever becomes due until then, and what follows from it. */
  const pass = async (ms: number) => {
    clock.advance(ms)
    await new Promise(setImmediate)
  }
  return { discovery, dialed, pass }
}

describe('a peer that was sighted and could not be dialed', () => {
  it('is dialed again where it was sighted: the peer store knows nothing of one that was never met', async () => {
    const { discovery, dialed, pass } = await unreachable()
    const id = await newPeerId()

    discovery.sighted({ id, multiaddrs: [multiaddr(ADDRESS)] })
    await pass(REDIALED_MS)
    await pass(REDIALED_MS)

    assert.ok(dialed.length >= 2)
    assert.deepEqual(new Set(dialed), new Set([`${ADDRESS}/p2p/${id}`]))
  })

  it('is dialed by its id once it was met, which finds the newest of its addresses', async () => {
    const { discovery, dialed, pass } = await unreachable()
    const id = await newPeerId()
    discovery.sighted({ id, multiaddrs: [multiaddr(ADDRESS)] })
    await pass(REDIALED_MS)
    dialed.length = 0

    discovery.met(id)
    await pass(REDIALED_MS)

    assert.deepEqual(new Set(dialed), new Set([id.toString()]))
  })
})
