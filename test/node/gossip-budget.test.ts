import { generateKeyPair } from '@libp2p/crypto/keys'
import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { beforeEach, describe, expect, it } from 'vitest'
import { GossipBudget } from '../../node/network/gossip-budget.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

describe('the gossip that is heard of a peer', () => {
  let clock: ManualClock
  let budget: GossipBudget
  beforeEach(() => {
    clock = new ManualClock()
    budget = new GossipBudget({ clock, onExcess() {} })
  })
  const heard = (peer: string, times: number): number =>
    Array.from({ length: times }, () => budget.spend(peer, 1)).filter(Boolean).length

  it('is all the manifests of the largest mesh at once, then two hundred a second', () => {
    expect(heard('a', 6000)).toBe(5000)
    clock.advance(1000)
    expect(heard('a', 6000)).toBe(200)
    clock.advance(3_600_000)
    expect(heard('a', 6000)).toBe(5000)
  })

  it('is counted for each peer apart, and is not forgotten for a thousand others', () => {
    expect(heard('a', 5001)).toBe(5000)
    for (let i = 0; i < 1023; i++) expect(heard(`peer ${i}`, 1)).toBe(1)
    expect(heard('a', 1)).toBe(0)
  })

  it('is dropped whole when it is too much, and less may still be said', () => {
    expect(budget.spend('a', 4999)).toBe(true)
    expect(budget.spend('a', 2)).toBe(false)
    expect(budget.spend('a', 1)).toBe(true)
  })

  it('is bounded where the installed library takes a message in', async () => {
    const parts = {
      peerId: peerIdFromPrivateKey(await generateKeyPair('Ed25519')),
      logger: { forComponent: () => () => {} }
    }
    const pubsub = gossipsub()(parts as never) as unknown as GossipSub & Listener
    let heard = 0
    expect(pubsub.handleReceivedRpc).toBeTypeOf('function')
    pubsub.handleReceivedRpc = async () => void heard++
    budget.bound(pubsub)
    await pubsub.handleReceivedRpc('a', { subscriptions: [], messages: [] })
    await pubsub.handleReceivedRpc('a', { subscriptions: [], messages: Array.from({ length: 5000 }) })
    expect(heard).toBe(1)
    // One that holds a message costs no more than one that is empty.
    for (let i = 0; i < 5000; i++) await pubsub.handleReceivedRpc('b', { messages: [{}] })
    expect(heard).toBe(5001)
  })

  it('ends as the library ends it, with a failure too', async () => {
    const listener: Listener = {
      handleReceivedRpc: async () => {
        throw new Error('not read')
      }
    }
    budget.bound(listener as never)
    await expect(listener.handleReceivedRpc('a', { messages: [] })).rejects.toThrow('not read')
  })

  it('is refused as a whole when the library has no such method', () => {
    expect(() => budget.bound({} as GossipSub)).toThrow(/gossipsub has no handleReceivedRpc/)
  })
})

/** What the library does not promise to keep. */
interface Listener {
  handleReceivedRpc(from: string, rpc: object): Promise<void>
}
