import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromMultihash, peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { Discovery } from '../../node/discovery.ts'
import type { MeshLibp2p } from '../../node/libp2p.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const newId = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))

/** The same id, as an event of libp2p brings it: its bytes are a slice of something larger. */
function inPool(id: PeerId): { id: PeerId; pool: WeakRef<ArrayBuffer> } {
  const multihash = id.toMultihash()
  const pool = new Uint8Array(65_536)
  pool.set(multihash.bytes)
  const bytes = pool.subarray(0, multihash.bytes.byteLength)
  const digest = bytes.subarray(bytes.byteLength - multihash.digest.byteLength)
  return { id: peerIdFromMultihash({ ...multihash, bytes, digest }), pool: new WeakRef(pool.buffer) }
}

it('keeps of those whom it will dial no more than their names', async () => {
  const nobody = { peerId: await newId(), getConnections: () => [] } as unknown as MeshLibp2p
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const clock = new ManualClock()
  const discovery = new Discovery({
    libp2p: nobody,
    clock,
    random: () => 0.5,
    log,
    addresses: [],
    wants: () => true
  })
  const [seen, met] = [await newId(), await newId()]
  const pools = (() => {
    const [one, other] = [inPool(seen), inPool(met)]
    discovery.sighted({ id: one.id, multiaddrs: [multiaddr('/ip4/192.0.2.1/tcp/5867')] })
    discovery.met(other.id)
    return [one.pool, other.pool]
  })()

  // What a WeakRef was made of or asked for lives until the end of the turn.
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(resolve => setImmediate(resolve))
    collect()
  }
  expect(pools.map(pool => pool.deref()?.byteLength)).toEqual([undefined, undefined])
  expect(discovery).toBeInstanceOf(Discovery)
})
