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
import { isHeld } from '../../node/network/lost-ends.ts'
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
  const device = { interfaces, announce, asked: 0, isHeld: true }
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
        isHeld: async () => device.isHeld,
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

const IP4 = multiaddr('/ip4/0.0.0.0/tcp/5867')

/** The part that looks at the addresses of a device, with what it sees and says. */
function looking() {
  const clock = new ManualClock()
  const looked = new EventEmitter()
  const events = new EventTarget()
  const networks = {
    interfaces: () => seen.interfaces,
    async defaultSources() {
      setImmediate(() => looked.emit('look'))
      return []
    },
    isHeld: async () => true,
    announce: []
  }
  const own = new OwnAddresses({ clock, networks, onLost: () => seen.lost++ }).serviceOf({
    transportManager: { getAddrs: () => seen.open },
    addressManager: { getListenAddrs: () => ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0'].map(a => multiaddr(a)) },
    logger: { forComponent: () => SILENT },
    events,
    peerStore: {
      async patch(_: unknown, { multiaddrs }: { multiaddrs: Multiaddr[] }) {
        if (seen.isBroken) throw new Error('The disk is full.')
        seen.told.push(multiaddrs.map(String))
      }
    }
  } as never)
  const next = async (begin: () => void) => {
    const done = once(looked, 'look')
    begin()
    await done
  }
  const seen = {
    interfaces: { ...LOOPBACK, eth0: [info('10.9.0.1', 24), info('fd00::1', 64)] } as Interfaces,
    open: [] as Multiaddr[],
    isBroken: false,
    lost: 0,
    told: [] as string[][],
    events,
    start: () => next(() => own.start()),
    look: (ms: number) => next(() => clock.advance(ms)),
    stop: () => own.stop()
  }
  return seen
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
    const own = looking()
    await own.start()
    own.open = [IP4]
    await own.look(100)
    own.interfaces = { ...LOOPBACK, eth0: [info('10.77.1.99', 24)] }
    await own.look(2000)
    expect(own.lost).toBe(1)
    own.stop()
  })

  it('hold those of a listener that opens after the first look', async () => {
    const own = looking()
    own.open = [IP4]
    await own.start()
    own.open = [IP4, multiaddr('/ip6/::/tcp/5867')]
    own.events.dispatchEvent(new Event('transport:listening'))
    await own.look(2000)
    expect(own.told.at(-1)).toEqual(['/ip4/10.9.0.1/tcp/5867', '/ip6/fd00::1/tcp/5867'])
    own.stop()
  })

  it('are told at the next look where the peer store failed', async () => {
    const own = looking()
    own.open = [IP4]
    await own.start()
    own.interfaces = { ...LOOPBACK, eth0: [info('10.77.1.99', 24)] }
    own.isBroken = true
    await own.look(2000)
    own.isBroken = false
    await own.look(2000)
    expect(own.told.at(-1)).toEqual(['/ip4/10.77.1.99/tcp/5867'])
    expect(own.lost).toBeGreaterThan(0)
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

describe('when a device loses an address', () => {
  it.each([
    ['ends at once where it goes out from one that the system has no more', false],
    ['is only doubted where the system has its own address, as of a link that is down', true]
  ])('a connection %s', async (_, isHeld) => {
    await using node = await nodeOn({ ...LOOPBACK, eth0: [info('10.9.0.1', 24)] })
    await using other = await nodeOn(LOOPBACK)
    const { peerStore, peerId } = node.libp2p
    await expect
      .poll(() => {
        node.clock.advance(50)
        return peerStore.get(peerId).then(({ addresses }) => addresses.length)
      })
      .toBe(1)
    const [open] = other.libp2p.getMultiaddrs()
    const connection = await node.libp2p.dial(open!)
    node.device.isHeld = isHeld
    node.device.interfaces = LOOPBACK
    const told = once(node.libp2p as never, 'self:peer:update')
    node.clock.advance(2000)
    await told
    // An end of the doubt is far off: it is two seconds more of the clock.
    await expect.poll(() => connection.status).toBe(isHeld ? 'open' : 'aborted')
  })

  it('the system says so', async () => {
    expect(await Promise.all(['127.0.0.1', '203.0.113.9'].map(isHeld))).toEqual([true, false])
  })
})

it('the address of the default route is one of this device, where there is a default route', async () => {
  for (const source of await defaultSources()) expect(source).toMatch(/^[0-9a-f.:]+$/)
})
