import type { Connection, Transport } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import {
  ADDRESS_TIMEOUT_MS,
  DialFailedError,
  STAGGER_MS,
  staggerDials
} from '../../node/network/staggered-dial.ts'
import { socketTls } from '../../protocols/transport/tls/index.ts'
import { sparingYamux } from '../../protocols/transport/yamux.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { createPeer } from '../protocols/peers.ts'

const DEAD = Array.from({ length: 7 }, (_, i) => `/ip4/172.${18 + i}.0.1/tcp/5867`)

const running: Libp2p[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(peer => peer.stop()))
})

async function listenerAt(...listen: string[]): Promise<Libp2p> {
  const peer = await createPeer(listen)
  running.push(peer)
  return peer
}

/** A node that dials real sockets on loopback. To any other address nothing answers. */
async function dialer(hold?: (address: Multiaddr) => Promise<void>) {
  const clock = new ManualClock()
  const tried: string[] = []
  const silent = (components: unknown): Transport => {
    const transport = (tcp() as (components: unknown) => Transport)(components)
    const dial = transport.dial.bind(transport)
    transport.dial = async (address, options) => {
      tried.push(address.toString().replace(/\/p2p\/.*/, ''))
      await hold?.(address)
      if (address.toString().startsWith('/ip4/127.')) return dial(address, options)
      const { promise, reject } = Promise.withResolvers<never>()
      options.signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true })
      return promise
    }
    return transport
  }
  const libp2p = await createLibp2p({
    transports: [silent],
    connectionEncrypters: [socketTls()],
    streamMuxers: [sparingYamux()],
    connectionMonitor: { enabled: false }
  })
  running.push(libp2p)
  staggerDials(libp2p, { clock, addressesMax: 20, handshakeMs: 5000, order: addresses => [...addresses] })
  return { libp2p, clock, tried }
}

interface Parts {
  readonly connectionManager: {
    readonly dialQueue: {
      calculateMultiaddrs(peer: unknown, addresses: unknown, options: { signal: AbortSignal }): Promise<never>
    }
  }
}

const at = (peer: Libp2p, addresses: readonly string[]): Multiaddr[] =>
  addresses.map(address => multiaddr(`${address}/p2p/${peer.peerId}`))

/** What has no timer of its own has run. */
const settle = () => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

async function waitOut(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await settle()
    clock.advance(50)
  }
  await settle()
}

describe('a dial of several addresses', () => {
  it('reaches a peer behind seven dead addresses within their staggered starts', async () => {
    const peer = await listenerAt('/ip4/127.0.0.1/tcp/0')
    const alive = peer
      .getMultiaddrs()[0]!
      .toString()
      .replace(/\/p2p\/.*/, '')
    const { libp2p, clock, tried } = await dialer()
    const dialing = libp2p.dial(at(peer, [...DEAD, alive]))
    await waitOut(clock, DEAD.length * STAGGER_MS)
    expect((await dialing).remoteAddr.toString()).toContain(alive)
    expect(tried).toEqual([...DEAD, alive])
    expect(clock.monotonicMs()).toBeLessThan(3000)
  })

  it('that ends while its addresses are looked up leaves no failure that nothing handles', async () => {
    const peer = await listenerAt('/ip4/127.0.0.1/tcp/0')
    const { libp2p } = await dialer()
    const { dialQueue } = (libp2p as unknown as { components: Parts }).components.connectionManager
    dialQueue.calculateMultiaddrs = (_peer, _addresses, { signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new Error('looked up no more')))
      )
    const unhandled: unknown[] = []
    const note = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    const dialing = libp2p.dial(peer.getMultiaddrs()).catch(err => err)
    await settle()
    await libp2p.stop()
    expect(await dialing).toBeInstanceOf(Error)
    await settle()
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('dials no other address while the first one connects in time', async () => {
    const peer = await listenerAt('/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.2/tcp/0')
    const { libp2p, clock, tried } = await dialer()
    await libp2p.dial(peer.getMultiaddrs())
    await waitOut(clock, 4 * STAGGER_MS)
    expect(tried).toHaveLength(1)
  })

  it('goes on at once when an address refuses', async () => {
    const gone = await createPeer(['/ip4/127.0.0.1/tcp/0'])
    const refusing = gone
      .getMultiaddrs()[0]!
      .toString()
      .replace(/\/p2p\/.*/, '')
    await gone.stop()
    const peer = await listenerAt('/ip4/127.0.0.1/tcp/0')
    const alive = peer
      .getMultiaddrs()[0]!
      .toString()
      .replace(/\/p2p\/.*/, '')
    const { libp2p } = await dialer()
    expect((await libp2p.dial(at(peer, [refusing, alive]))).remoteAddr.toString()).toContain(alive)
  })

  it('goes on past a device that proves another key', async () => {
    const [other, peer] = [await listenerAt('/ip4/127.0.0.1/tcp/0'), await listenerAt('/ip4/127.0.0.2/tcp/0')]
    const [wrong, right] = [other, peer].map(each =>
      each
        .getMultiaddrs()[0]!
        .toString()
        .replace(/\/p2p\/.*/, '')
    )
    const { libp2p } = await dialer()
    const { remotePeer } = await libp2p.dial(at(peer, [wrong!, right!]))
    expect(remotePeer.equals(peer.peerId)).toBe(true)
  })

  it('keeps one connection when two addresses connect', async () => {
    const peer = await listenerAt('/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.2/tcp/0')
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const { libp2p, clock, tried } = await dialer(() => released)
    const opened: Connection[] = []
    libp2p.addEventListener('connection:open', ({ detail }) => void opened.push(detail))
    const dialing = libp2p.dial(peer.getMultiaddrs())
    await waitOut(clock, STAGGER_MS)
    release()
    const winner = await dialing
    expect(tried).toHaveLength(2)
    await expect
      .poll(() => libp2p.getConnections().filter(({ status }) => status === 'open'))
      .toEqual([winner])
    expect(opened).toContain(winner)
  })

  it('says that nothing answered when each address is silent', async () => {
    const peer = await createPeer()
    const { libp2p, clock } = await dialer()
    const dialing = libp2p.dial(at(peer, DEAD)).catch(err => err)
    await waitOut(clock, DEAD.length * STAGGER_MS + ADDRESS_TIMEOUT_MS)
    const thrown = await dialing
    expect(thrown).toBeInstanceOf(DialFailedError)
    expect(thrown.isSilent).toBe(true)
    await peer.stop()
  })

  it('takes in the addresses of a dial that joins it', async () => {
    const peer = await listenerAt('/ip4/127.0.0.1/tcp/0')
    const { libp2p, clock } = await dialer()
    const first = libp2p.dial(at(peer, DEAD.slice(0, 1)))
    await waitOut(clock, STAGGER_MS)
    const second = libp2p.dial(peer.getMultiaddrs())
    await waitOut(clock, STAGGER_MS)
    expect(await first).toBe(await second)
  })

  it('ends when its caller gives up', async () => {
    const peer = await createPeer()
    const { libp2p, clock } = await dialer()
    const given = new AbortController()
    const dialing = libp2p.dial(at(peer, DEAD), { signal: given.signal }).catch(err => err)
    await waitOut(clock, STAGGER_MS)
    given.abort(new Error('given up'))
    expect(await dialing).toBeInstanceOf(Error)
    await peer.stop()
  })
})
