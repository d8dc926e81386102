import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { describe, expect, it, vi } from 'vitest'
import { privateDht } from '../../node/network/private-dht.ts'

const later = vi.hoisted(() => ({ change: undefined as undefined | ((dht: object, parts: Parts) => void) }))

interface Parts {
  readonly peerStore: { merge(peer: string, data: { tags?: object }): Promise<void> }
  readonly datastore: { readonly size: number; batch(): object }
  readonly connectionManager: {
    openStream(): Promise<never>
    isDialable(): boolean
    openAny(): Promise<object>
  }
}

/** The installed library, and what a later version of it may do. */
vi.mock('@libp2p/kad-dht', async original => {
  const { kadDHT } = await original<typeof import('@libp2p/kad-dht')>()
  return {
    kadDHT: (init: object) => (parts: never) => {
      const dht = kadDHT(init)(parts)
      later.change?.(dht, parts)
      return dht
    }
  }
})

const tagged: Record<string, unknown> = {}

/** A DHT of a library that does `change`. */
async function dhtWhere(change?: typeof later.change) {
  later.change = change
  const events = new EventTarget()
  const parts: Parts = {
    datastore: { size: 7, batch: () => ({}) },
    peerStore: { merge: async (_, { tags }) => void Object.assign(tagged, tags) },
    connectionManager: {
      openStream: () => Promise.reject(new Error('is not there')),
      isDialable: () => true,
      openAny: async () => ({})
    }
  }
  const peerId = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const more = {
    peerId,
    events,
    registrar: {},
    logger: { forComponent: () => () => {} },
    ping: {}
  }
  return privateDht({ mesh: 'mesh', addressesOf: () => [] })({ ...parts, ...more } as never)
}

describe('the DHT of a mesh', () => {
  it('is made of the installed library, which gets what it calls today', async () => {
    let kept: number | undefined
    const dht = await dhtWhere((_, { datastore, connectionManager }) => {
      if (connectionManager.isDialable()) kept = datastore.size
    })
    expect(dht).toBeDefined()
    // Not what the library would write to.
    expect(kept).toBe(0)
  })

  it('has libp2p keep no peer connected: that would dial one that refuses this device on and on', async () => {
    await dhtWhere((_, { peerStore }) => {
      peerStore.merge('a', { tags: { 'kad-close': { value: 50 }, 'keep-alive-kad': { value: 1 } } })
    })
    expect(tagged).toEqual({ 'kad-close': { value: 50 }, 'keep-alive-kad': undefined })
  })

  it.each<[string, NonNullable<typeof later.change>]>([
    ['names peers without our correction', dht => Object.assign(dht, { peerInfoMapper: undefined })],
    ['has another bound for questions', dht => Object.assign(dht, { maxInboundStreams: undefined })],
    ['asks no server alone', dht => Object.assign(dht, { network: {} })],
    ['writes records by another way', (_, { datastore }) => datastore.batch()],
    ['opens streams by another way', (_, { connectionManager }) => void connectionManager.openAny()]
  ])('is not made of a library that %s', async (_, change) => {
    await expect(dhtWhere(change)).rejects.toThrow('The DHT cannot be bounded')
  })
})
