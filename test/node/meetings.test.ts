import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { type ErrorCode, RemoteError } from '../../interface/errors.ts'
import type { NodeParts } from '../../node/feature.ts'
import { Bans, FORGERY, LOITERING } from '../../node/membership/bans.ts'
import { Guard } from '../../node/membership/guard.ts'
import { composeHello, type MeshHelloParts } from '../../node/membership/hello.ts'
import { Discovery, type DiscoveryComponents } from '../../node/network/discovery.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { memoryLog } from '../capabilities/parts.ts'

const newId = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** A node in sight of peers, which knows none of them as a member. */
async function meeting() {
  const dialed: string[] = []
  const libp2p = Object.assign(new EventTarget(), {
    peerId: await newId(),
    getConnections: () => [],
    handle: async () => {},
    peerStore: { all: async () => [] },
    async dial(to: unknown) {
      dialed.push(String(to))
      throw new Error('the dial is enough')
    }
  })
  const clock = new ManualClock()
  const log = memoryLog()
  const guard = new Guard({ clock, log, standing: () => ({ kind: 'stranger' }) })
  const node = { clock, log, random: () => 0.5, peerId: '', emit() {} }
  const membership = {
    ...{ guard, check: {}, forgers: new Bans(FORGERY, clock), loiterers: new Bans(LOITERING, clock) },
    members: { get: () => undefined, orphan: () => undefined }
  }
  const parts = {
    mesh: 'mesh',
    libp2p,
    membership,
    revocations: {},
    onMember: async () => {},
    isAsked: () => false
  }
  const hello = composeHello(node as NodeParts, parts as unknown as MeshHelloParts)
  const discovery = new Discovery({
    ...{ libp2p, clock, log, random: node.random, addresses: [] },
    wants: (id: string) => !hello.refuses(id)
  } as unknown as DiscoveryComponents)
  await hello.service.start()
  return {
    /** This node has dialed the peer, which answers its hello so. */
    async refused(remotePeer: PeerId, code: ErrorCode) {
      const connection = Object.assign(new EventTarget(), {
        ...{
          remotePeer,
          direction: 'outbound',
          status: 'open',
          remoteAddr: multiaddr('/ip4/192.0.2.1/tcp/1')
        },
        newStream: () => Promise.reject(new RemoteError(code, 'The peer refuses.')),
        close: async () => {}
      }) as unknown as Connection
      libp2p.dispatchEvent(new CustomEvent('connection:open', { detail: connection }))
      await turn()
    },
    async sighted(id: PeerId) {
      dialed.length = 0
      clock.advance(10_000)
      discovery.sighted({ id, multiaddrs: [multiaddr('/ip4/192.0.2.1/tcp/1')] })
      clock.advance(1000)
      await turn()
      return dialed.some(to => to.includes(id.toString()))
    }
  }
}

it('a peer that refuses this device as removed is not dialed again, and any other is', async () => {
  const { refused, sighted } = await meeting()
  const [sure, overloaded] = [await newId(), await newId()]
  expect([await sighted(sure), await sighted(overloaded)]).toEqual([true, true])
  await refused(sure, 'PEER_REVOKED')
  await refused(overloaded, 'OVERLOADED')
  expect([await sighted(sure), await sighted(overloaded)]).toEqual([false, true])
})
