import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromMultihash, peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { Discovery, TARGETS_MAX } from '../../node/network/discovery.ts'
import type { MeshLibp2p } from '../../node/network/libp2p.ts'
import { SIGHTED_DIALS_BURST, SIGHTED_DIALS_PER_SECOND } from '../../node/network/sighted-dials.ts'
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

/** Every dial fails; each address of it counts. */
async function dialing() {
  let dials = 0
  const dialed = new Set<string>()
  const libp2p = {
    peerId: await newId(),
    getConnections: () => [],
    addEventListener() {},
    removeEventListener() {},
    peerStore: { all: async () => [] },
    async dial(to: PeerId | unknown[]) {
      dials += Array.isArray(to) ? to.length : 1
      dialed.add(String(Array.isArray(to) ? to[0] : to))
      throw new Error('nobody is there')
    }
  } as unknown as MeshLibp2p
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const clock = new ManualClock()
  const discovery = new Discovery({
    libp2p,
    clock,
    random: () => 0.5,
    log,
    addresses: ['/ip4/192.0.2.9/tcp/1'],
    wants: () => true
  })
  await discovery.start()
  /** Second by second, so that each dial has failed before the next timer. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1000)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  return { discovery, pass, dialed, dials: () => dials }
}

const twenty = Array.from({ length: 20 }, (_, i) => multiaddr(`/ip4/192.168.0.${i + 1}/tcp/22`))

it('dials no faster than its bound, however many sightings are forged', async () => {
  const { discovery, pass, dials } = await dialing()
  const forged = await Promise.all(Array.from({ length: 300 }, newId))
  const seconds = 60
  for (let second = 0; second < seconds; second++) {
    for (const id of forged) discovery.sighted({ id, multiaddrs: twenty })
    await pass(1)
  }
  // The address of the settings is not one of them.
  const toSettings = 10
  expect(dials()).toBeGreaterThan(SIGHTED_DIALS_BURST - 20)
  expect(dials()).toBeLessThanOrEqual(
    SIGHTED_DIALS_BURST + SIGHTED_DIALS_PER_SECOND * (seconds + 1) + toSettings
  )
  discovery.stop()
})

it('gives a peer up that was only sighted, and forgets no accepted one for it', async () => {
  const { discovery, pass, dialed, dials } = await dialing()
  const [ghost, friend] = [await newId(), await newId()]
  discovery.met(friend)
  for (let i = 0; i < 2000; i++) discovery.sighted({ id: i === 0 ? ghost : await newId(), multiaddrs: [] })
  await pass(600)
  const before = dials()
  dialed.clear()
  await pass(600)
  // Those of the settings are tried on, those of sightings are not.
  expect([...dialed]).toEqual(['/ip4/192.0.2.9/tcp/1'])
  expect(dials() - before).toBeLessThan(10)
  discovery.stop()
})

it('forgets the oldest that was only sighted for each one beyond its bound, and dials it no more', async () => {
  const { discovery, pass, dialed } = await dialing()
  const sighted = await Promise.all(Array.from({ length: TARGETS_MAX + 50 }, newId))
  for (const id of sighted) discovery.sighted({ id, multiaddrs: twenty.slice(0, 1) })
  await pass(600)
  // The address of the settings has a place, too.
  expect(sighted.findIndex(id => dialed.has(`${twenty[0]}/p2p/${id}`))).toBe(51)
  discovery.stop()
})

it('dials a peer that is sighted again elsewhere shortly after a failed dial as soon as it may', async () => {
  const { discovery, pass, dialed } = await dialing()
  const id = await newId()
  await pass(60)
  discovery.sighted({ id, multiaddrs: twenty.slice(0, 1) })
  await pass(1)
  // It has just come back elsewhere, and the next sighting is seconds away.
  discovery.sighted({ id, multiaddrs: twenty.slice(1, 2) })
  await pass(2)
  expect(dialed).toContain(`${twenty[1]}/p2p/${id}`)
  discovery.stop()
})

it('dials a member by its first manifest, whose addresses end in its PeerId, and by no later one', async () => {
  const { discovery, pass, dialed, dials } = await dialing()
  const id = await newId()
  const multiaddrs = twenty.slice(0, 1).map(address => address.encapsulate(`/p2p/${id}`))
  discovery.heardOf({ id, multiaddrs })
  await pass(1)
  expect(dialed).toContain(`${twenty[0]}/p2p/${id}`)
  await pass(600)
  const before = dials()
  for (let i = 0; i < 10; i++) discovery.heardOf({ id, multiaddrs })
  await pass(10)
  // The address of the settings is dialed on.
  expect(dials() - before).toBeLessThan(3)
  discovery.stop()
})

it('dials many members that are away one after the other, and few of them every few minutes', async () => {
  const HOURS_S = 4 * 3600
  const dialsOfHours = async (members: number) => {
    const { discovery, pass, dials } = await dialing()
    for (let i = 0; i < members; i++) {
      const id = await newId()
      discovery.met(id)
      discovery.sighted({ id, multiaddrs: [] })
    }
    // The first dials follow each other ever more slowly.
    await pass(7200)
    const before = dials()
    await pass(HOURS_S)
    discovery.stop()
    return dials() - before
  }
  // With that of the settings. Of each wait a half is by chance.
  expect(await dialsOfHours(9)).toBeGreaterThan(10 * (HOURS_S / 300))
  expect(await dialsOfHours(135)).toBeLessThan(1.5 * (HOURS_S / 10))
})
