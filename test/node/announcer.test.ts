import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { SignedManifest } from '../../interface/manifest.ts'
import { Announcer, type ManifestContent } from '../../node/manifests/announcer.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const hardware = { platform: 'linux', arch: 'x64', cpu: '', cores: 1, memoryBytes: 0, accelerators: [] }

describe('the announcer', () => {
  let clock: ManualClock
  let published: SignedManifest[]
  let offer: ManifestContent
  let announcer: Announcer
  let members: number

  beforeEach(async () => {
    clock = new ManualClock()
    published = []
    members = 2
    offer = { name: 'me', software: 'x', hardware, addresses: [], capabilities: [], certificates: [] }
    const privateKey = await generateKeyPair('Ed25519')
    let sequence = 0
    announcer = new Announcer({
      clock,
      random: () => 0.5,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      privateKey,
      peerId: peerIdFromPrivateKey(privateKey).toString(),
      epoch: () => 1,
      nextSequence: () => ++sequence,
      members: () => members,
      offer: () => offer,
      publish: async signed => void published.push(signed)
    })
    await announcer.start()
  })

  /** Signing takes real time, so what a moved clock began is waited for. */
  const publishes = (...sequences: number[]) =>
    vi.waitFor(() => expect(published.map(({ manifest }) => manifest.sequence)).toEqual(sequences), 10_000)

  it('announces at once, and again well before the manifest expires', async () => {
    await publishes(1)
    clock.advance(60_000)
    await publishes(1, 2)
    clock.advance(60_000)
    await publishes(1, 2, 3)
    expect(published[0]!.manifest.ttlMs).toBeGreaterThanOrEqual(3 * 60_000)
  })

  it('announces less often in a larger mesh, and is believed as much longer, up to ten minutes', async () => {
    for (const [count, ttlMs] of [
      [100, 180_000],
      [200, 360_000],
      [5000, 600_000]
    ] as const) {
      members = count
      const before = published.length
      announcer.repeat()
      clock.advance(100)
      await vi.waitFor(() => expect(published).toHaveLength(before + 1), 10_000)
      expect(announcer.current.manifest.ttlMs).toBe(ttlMs)
      clock.advance(ttlMs / 3 - 1)
      expect(published).toHaveLength(before + 1)
      clock.advance(1)
      await vi.waitFor(() => expect(published).toHaveLength(before + 2), 10_000)
    }
  })

  it('announces several changes of the offer once', async () => {
    offer = { ...offer, capabilities: [{ task: 'tensor', model: 'm', slots: 1, warm: false }] }
    announcer.changed()
    offer = { ...offer, capabilities: [{ task: 'tensor', model: 'm', slots: 1, warm: true }] }
    announcer.changed()
    clock.advance(100)
    await publishes(1, 2)
    expect(announcer.current.manifest.capabilities[0]?.warm).toBe(true)
  })

  it('announces what is not stated any more', async () => {
    offer = { ...offer, onBattery: true }
    announcer.changed()
    clock.advance(100)
    await publishes(1, 2)
    const { onBattery: _, ...plugged } = offer
    offer = plugged
    announcer.changed()
    clock.advance(100)
    await publishes(1, 2, 3)
    expect(announcer.current.manifest.onBattery).toBeUndefined()
  })

  it('says nothing when nothing changed', async () => {
    announcer.changed()
    clock.advance(100)
    clock.advance(60_000)
    // The one that was due anyway.
    await publishes(1, 2)
  })

  it('says nothing any more once it is stopped', async () => {
    await announcer.stop()
    offer = { ...offer, name: 'other' }
    announcer.changed()
    clock.advance(120_000)
    await announcer.stop()
    await publishes(1)
  })
})
