import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { Guard } from '../../node/membership/guard.ts'
import { tcpNetwork } from '../../node/network/lan-network.ts'
import { createMeshLibp2p, type Network } from '../../node/network/libp2p.ts'
import { openDatabase } from '../../storage/database/database.ts'
import { SqliteDatastore } from '../../storage/database/datastore.ts'
import { CACHE_MIGRATIONS } from '../../storage/database/schema.ts'
import { memoryLog } from '../capabilities/parts.ts'
import { HostilePeer } from './hostile-peer.ts'
import { startNode, temporaryHome } from './mesh-nodes.ts'

const NOWHERE = { hosts: ['127.0.0.1'], port: 0, peers: [] }
const SILENT = Object.assign(() => {}, { enabled: false, error() {}, trace() {}, newScope: () => SILENT })

it('lets several parts ping one peer at the same time, as the DHT and the watch over connections do', async () => {
  await using node = await startNode('node')
  await using peer = await HostilePeer.member(node)
  await peer.hello(await peer.dial(node), await peer.sealed())
  const id = peerIdFromString(node.peerId)
  const pings = await Promise.all(Array.from({ length: 5 }, () => peer.libp2p.services.ping.ping(id)))
  expect(pings).toHaveLength(5)
})

/** A node of its own, not started. */
async function unstarted(network: Partial<Network> = {}, onSighted = () => {}) {
  const clock = systemClock
  const home = await temporaryHome()
  onTestFinished(() => rm(home, { recursive: true }))
  const database = openDatabase(join(home, 'cache.db'), {
    migrations: CACHE_MIGRATIONS,
    synchronous: 'NORMAL'
  })
  onTestFinished(() => database.close())
  return createMeshLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    datastore: new SqliteDatastore(database),
    logger: { forComponent: () => SILENT },
    network: { ...tcpNetwork(NOWHERE), ...network },
    ...{ mesh: 'mesh', clock, dht: false, agent: 'test' },
    guard: new Guard({ clock, log: memoryLog(), standing: () => ({ kind: 'stranger' }) }),
    addressesOf: () => [],
    onSighted
  })
}

it('keeps of what is said of a peer no socket file, no name to look up and no relay', async () => {
  const libp2p = await unstarted()
  const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const relay = `/ip4/192.168.0.9/tcp/1/p2p/${peer}/p2p-circuit`
  const said = ['/ip4/192.168.0.9/tcp/1', '/unix/run%2Fdocker.sock', '/dns4/victim.example/tcp/1', relay]
  const multiaddrs = said.map(text => multiaddr(text))
  const { addresses } = await libp2p.peerStore.save(peer, { multiaddrs })
  expect(addresses.map(({ multiaddr: kept }) => kept.toString())).toEqual(['/ip4/192.168.0.9/tcp/1'])
})

it('writes down where discovery saw a peer, and not again while the peer is connected', async () => {
  const discovery = new EventTarget()
  let sightings = 0
  const libp2p = await unstarted({ discovery: [() => discovery as never] }, () => sightings++)
  let written = 0
  libp2p.peerStore.merge = async () => {
    written++
    return {} as never
  }
  const id = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const detail = { id, multiaddrs: [multiaddr('/ip4/192.168.0.9/tcp/1')] }
  discovery.dispatchEvent(new CustomEvent('peer', { detail }))
  expect([sightings, written]).toEqual([1, 1])
  libp2p.getConnections = () => [{} as never]
  discovery.dispatchEvent(new CustomEvent('peer', { detail }))
  expect([sightings, written]).toEqual([2, 1])
})
