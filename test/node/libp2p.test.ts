import { peerIdFromString } from '@libp2p/peer-id'
import { expect, it } from 'vitest'
import { HostilePeer } from './hostile-peer.ts'
import { startNode } from './mesh-nodes.ts'

it('lets several parts ping one peer at the same time, as the DHT and the watch over connections do', async () => {
  await using node = await startNode('node')
  await using peer = await HostilePeer.member(node)
  await peer.hello(await peer.dial(node), await peer.sealed())
  const id = peerIdFromString(node.peerId)
  const pings = await Promise.all(Array.from({ length: 5 }, () => peer.libp2p.services.ping.ping(id)))
  expect(pings).toHaveLength(5)
})
