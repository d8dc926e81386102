import { generateKeyPair } from '@libp2p/crypto/keys'
import { TopicValidatorResult } from '@libp2p/gossipsub'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { expect, it } from 'vitest'
import type { Manifest } from '../../interface/manifest.ts'
import { ManifestSync, type ManifestSyncComponents } from '../../node/manifests/manifest-sync.ts'
import type { MeshLibp2p } from '../../node/network/libp2p.ts'
import { sealManifest } from '../../protocols/manifest/index.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

/** As many envelopes as are remembered. */
const SEEN_MAX = 8192

it('knows the last 8192 envelopes it judged, and no more', async () => {
  const key = await generateKeyPair('Ed25519')
  const peerId = peerIdFromPrivateKey(key).toString()
  const envelopeOf = async (sequence: number): Promise<Uint8Array> => {
    const manifest: Manifest = {
      ...{ version: 1, peerId, epoch: 1, sequence, ttlMs: 60_000, issuedAtMs: 0, name: 'a', software: 't' },
      hardware: { platform: 'linux', arch: 'x64', cpu: '', cores: 1, memoryBytes: 0, accelerators: [] },
      ...{ addresses: [], certificates: [Uint8Array.of(0)], capabilities: [] }
    }
    return (await sealManifest(manifest, key)).envelope
  }
  let judged = 0
  const sync = new ManifestSync({
    libp2p: {} as MeshLibp2p,
    ...{ clock: new ManualClock(), random: () => 0.5, mesh: 'mesh' },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    table: { accept: () => true },
    own: () => ({ manifest: { peerId: 'self' } }),
    onNews() {},
    lives: { onSeen() {} },
    admit: async () => void judged++
  } as unknown as ManifestSyncComponents)
  const gossip = (data: Uint8Array) => sync.topics[0]!.validate(data)

  const first = await envelopeOf(0)
  expect(await gossip(first)).toBe(TopicValidatorResult.Accept)
  for (let sequence = 1; sequence < SEEN_MAX; sequence++) await gossip(await envelopeOf(sequence))
  expect(await gossip(first)).toBe(TopicValidatorResult.Ignore)
  expect(judged).toBe(SEEN_MAX)

  const last = await envelopeOf(SEEN_MAX)
  await gossip(last)
  expect(await gossip(last)).toBe(TopicValidatorResult.Ignore)
  expect(await gossip(first)).toBe(TopicValidatorResult.Accept)
  expect(judged).toBe(SEEN_MAX + 2)
  sync.stop()
})
