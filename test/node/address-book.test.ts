import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { expect, it } from 'vitest'
import { AddressBook } from '../../node/address-book.ts'
import type { MeshLibp2p } from '../../node/libp2p.ts'
import { type PrivateDht, privateDht } from '../../node/private-dht.ts'
import { socketTls } from '../../protocols/tls/index.ts'
import { sparingYamux } from '../../protocols/yamux.ts'
import { waitFor } from './mesh-nodes.ts'

const createPeer = () =>
  createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [socketTls()],
    streamMuxers: [sparingYamux()],
    services: {
      identify: identify(),
      ping: ping(),
      dht: privateDht({ mesh: 'mesh', addressesOf: () => [multiaddr('/ip4/127.0.0.1/tcp/9')] })
    }
  })

const sizeOf = ({ routingTable }: PrivateDht): number => (routingTable as unknown as { size: number }).size

it('forgets a peer in the DHT too, which keeps whoever it once heard of', async () => {
  const [one, other] = await Promise.all([createPeer(), createPeer()])
  const dht = one.services.dht as PrivateDht
  const libp2p = one as unknown as MeshLibp2p
  const book = new AddressBook({ libp2p, log: console, isMember: () => true })
  try {
    await one.dial(other.getMultiaddrs())
    await waitFor(() => sizeOf(dht) === 1)
    await one.hangUp(other.peerId)
    expect(sizeOf(dht)).toBe(1)

    await book.forget(other.peerId)
    expect(sizeOf(dht)).toBe(0)
    expect(await one.peerStore.has(other.peerId)).toBe(false)
  } finally {
    await Promise.all([one.stop(), other.stop()])
  }
})
