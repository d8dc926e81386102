import { EventEmitter, once } from 'node:events'
import { rm } from 'node:fs/promises'
import type { NetworkInterfaceInfo } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Guard } from '../../node/membership/guard.ts'
import type { Interfaces } from '../../node/network/address-order.ts'
import { tcpNetwork } from '../../node/network/lan-network.ts'
import { createMeshLibp2p } from '../../node/network/libp2p.ts'
import { defaultSources, OwnAddresses } from '../../node/network/own-addresses.ts'
import { openDatabase } from '../../storage/database/database.ts'
import { SqliteDatastore } from '../../storage/database/datastore.ts'
import { CACHE_MIGRATIONS } from '../../storage/database/schema.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { memoryLog } from '../capabilities/parts.ts'
import { temporaryHome } from './mesh-nodes.ts'

const SILENT = Object.assign(() => {}, { enabled: false, error() {}, trace() {}, newScope: () => SILENT })

const info = (address: string, prefix: number, internal = false): NetworkInterfaceInfo =>
  ({ address, cidr: `${address}/${prefix}`, internal, mac: '02:00:00:00:00:01' }) as NetworkInterfaceInfo
const LOOPBACK = { lo: [info('127.0.0.1', 8, true), info('::1', 128, true)] }

/** A node that runs on a device with these interfaces. */
async function nodeOn(interfaces: Interfaces, { host = '0.0.0.0', announce = [] as string[] } = {}) {
  const clock = new ManualClock()
  const device = { interfaces, announce, asked: 0 }
  const home = await temporaryHome()
  onTestFinished(() => rm(home, { recursive: true }))
  const database = openDatabase(join(home, 'cache.db'), {
    migrations: CACHE_MIGRATIONS,
    synchronous: 'NORMAL'
  })
  const network = tcpNetwork({ hosts: [host], port: 0, peers: [] })
  const libp2p = await createMeshLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    datastore: new SqliteDatastore(database),
    mesh: 'mesh',
    logger: { forComponent: () => SILENT },
    network: {
      ...network,
      device: {
        interfaces() {
          device.asked++
          return device.interfaces
        },
        defaultSources: async () => [],
        announce
      }
    },
    clock,
    dht: false,
    agent: 'test',
    guard: new Guard({ clock, log: memoryLog(), standing: () => ({ kind: 'stranger' }) }),
    addressesOf: () => [],
    onSighted() {}
  })
  await libp2p.start()
  return {
    libp2p,
    clock,
    device,
    addresses: () => libp2p.getMultiaddrs().map(address => address.toString().replace(/\/tcp\/.*/, '')),
    async [Symbol.asyncDispose]() {
      await libp2p.stop()
      database.close()
    }
  }
}

describe('the addresses of a node', () => {
  it.each(['51.75.9.1', '169.254.7.1', '10.9.0.1', '100.64.0.3'])(
    'hold %s, on which it listens',
    async ip => {
      await using node = await nodeOn({ ...LOOPBACK, eth0: [info(ip, 24)] })
      expect(node.addresses()).toEqual([`/ip4/${ip}`])
    }
  )

  it('hold global and link-local ones of IPv6', async () => {
    const interfaces = { ...LOOPBACK, eth0: [info('fe80::1', 64), info('2a01:4f8::2', 64)] }
    await using node = await nodeOn(interfaces, { host: '::' })
    expect(node.addresses()).toEqual(['/ip6/2a01:4f8::2', '/ip6/fe80::1'])
  })

  it('are those of the loopback where it has no other', async () => {
    await using node = await nodeOn(LOOPBACK)
    expect(node.addresses()).toEqual(['/ip4/127.0.0.1'])
  })

  it('have bridges last, and what the settings announce before them', async () => {
    const bridges = Array.from({ length: 20 }, (_, i) => [`br-${i}`, [info(`172.${i}.0.1`, 16)]] as const)
    const interfaces = { ...LOOPBACK, ...Object.fromEntries(bridges), eth0: [info('192.168.7.5', 24)] }
    await using node = await nodeOn(interfaces, { announce: ['/ip4/203.0.113.7/tcp/5000'] })
    expect(node.addresses().slice(0, 3)).toEqual(['/ip4/192.168.7.5', '/ip4/203.0.113.7', '/ip4/172.0.0.1'])
    expect(node.libp2p.getMultiaddrs()[1]!.toString()).toContain('/ip4/203.0.113.7/tcp/5000/p2p/')
  })

  it('are known as soon as it listens, so one that is lost within the first two seconds is noticed', async () => {
    const clock = new ManualClock()
    let interfaces: Interfaces = { ...LOOPBACK, eth0: [info('10.9.0.1', 24)] }
    let open: Multiaddr[] = []
    let lost = 0
    const looked = new EventEmitter()
    const networks = {
      interfaces: () => interfaces,
      async defaultSources() {
        setImmediate(() => looked.emit('look'))
        return []
      },
      announce: []
    }
    const own = new OwnAddresses({ clock, networks, onLost: () => lost++ }).serviceOf({
      transportManager: { getAddrs: () => open },
      addressManager: { getListenAddrs: () => [multiaddr('/ip4/0.0.0.0/tcp/0')] },
      peerStore: { patch: async () => {} }
    } as never)
    const look = async (ms: number) => {
      const seen = once(looked, 'look')
      clock.advance(ms)
      await seen
    }
    const first = once(looked, 'look')
    own.start()
    await first
    open = [multiaddr('/ip4/10.9.0.1/tcp/5867')]
    await look(100)
    interfaces = { ...LOOPBACK, eth0: [info('10.77.1.99', 24)] }
    await look(2000)
    expect(lost).toBe(1)
    own.stop()
  })

  it('are not asked of the system for each address that a peer states', async () => {
    await using node = await nodeOn({ ...LOOPBACK, eth0: [info('10.9.0.1', 24)] })
    const id = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    const multiaddrs = Array.from({ length: 20 }, (_, i) => multiaddr(`/ip4/127.0.0.1/tcp/${i + 1}`))
    await node.libp2p.peerStore.merge(id, { multiaddrs })
    const { asked } = node.device
    const merged = await node.libp2p.peerStore.merge(id, { multiaddrs })
    expect(node.device.asked).toBe(asked)
    expect(merged.addresses).toEqual([])
  })

  it('of loopback count for a node that gets no other until it has one', async () => {
    await using node = await nodeOn(LOOPBACK)
    await expect.poll(() => node.clock.timers).toBeGreaterThan(0)
    const id = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    const multiaddrs = [multiaddr('/ip4/127.0.0.1/tcp/1')]
    expect((await node.libp2p.peerStore.merge(id, { multiaddrs })).addresses).toHaveLength(1)
    const told = once(node.libp2p as never, 'self:peer:update')
    node.device.interfaces = { ...LOOPBACK, eth0: [info('10.9.0.1', 24)] }
    node.clock.advance(3000)
    await told
    expect((await node.libp2p.peerStore.patch(id, { multiaddrs })).addresses).toEqual([])
  })

  it('change with the interfaces, and an event says so at the next look', async () => {
    await using node = await nodeOn({ ...LOOPBACK, eth0: [info('10.9.0.1', 24)] })
    await expect.poll(() => node.clock.timers).toBeGreaterThan(0)
    const told = () => once(node.libp2p as never, 'self:peer:update')
    node.device.interfaces = { ...LOOPBACK, eth0: [info('10.9.0.77', 24)] }
    const event = told()
    node.clock.advance(3000)
    const [{ detail }] = (await event) as [{ detail: { peer: { addresses: { multiaddr: unknown }[] } } }]
    expect(detail.peer.addresses.map(({ multiaddr }) => String(multiaddr))).toEqual([
      expect.stringContaining('/ip4/10.9.0.77/')
    ])
  })
})

it('the address of the default route is one of this device, where there is a default route', async () => {
  for (const source of await defaultSources()) expect(source).toMatch(/^[0-9a-f.:]+$/)
})
