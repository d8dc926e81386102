/** Remembers every manifest and revocation it ever saw, and brings the old ones back by gossip and by pull. */

import { manifestTopic, revocationTopic } from '../../node/network/gossip.ts'
import { MANIFEST_PROTOCOL, pullManifests, servePull } from '../../protocols/manifest/index.ts'
import { encodeRevocation, pullRevocations, REVOCATION_PROTOCOL } from '../../protocols/revocation/index.ts'
import { pick } from '../random.ts'
import { type Behaviour, keepDoing, meet, openStream } from './behaviour.ts'

const REMEMBERED_MAX = 5000
const INTERVAL_MS = 200
/** Brought back in each round. */
const AGAIN = 10

export const replayer: Behaviour = async attack => {
  const { peer, random, signal } = attack
  const { pubsub } = peer.libp2p.services
  const manifests = new Map<string, Uint8Array>()
  const revocations = new Map<string, Uint8Array>()
  const topics = [manifestTopic(peer.mesh), revocationTopic(peer.mesh)] as const
  for (const topic of topics) pubsub.subscribe(topic)
  pubsub.addEventListener('message', ({ detail: { topic, data } }) => {
    remember(topic === topics[0] ? manifests : revocations, data)
  })
  await peer.libp2p.handle(MANIFEST_PROTOCOL, async stream => {
    const old = [...manifests.values()].map(envelope => ({ envelope, ageMs: 0 }))
    await servePull(stream, () => old, { signal }).catch(() => {})
  })

  await keepDoing(attack, INTERVAL_MS, async victim => {
    const connection = await meet(attack, victim, () => peer.sealed({ capabilities: [] }))
    for await (const { envelope } of pullManifests(
      await openStream(connection, MANIFEST_PROTOCOL, signal),
      [],
      { signal }
    )) {
      remember(manifests, envelope)
    }
    for await (const entry of pullRevocations(await openStream(connection, REVOCATION_PROTOCOL, signal), {
      signal
    })) {
      remember(revocations, encodeRevocation(entry))
    }
    for (let i = 0; i < AGAIN; i++) {
      await bring(topics[0], manifests)
      await bring(topics[1], revocations)
    }
  })

  async function bring(topic: string, remembered: Map<string, Uint8Array>): Promise<void> {
    if (remembered.size === 0) return
    // Our own gossip would not send twice what it has sent before, so the copies go round it.
    await pubsub.publish(topic, pick([...remembered.values()], random)).catch(() => {})
  }
}

function remember(known: Map<string, Uint8Array>, bytes: Uint8Array): void {
  known.set(Buffer.from(bytes).toString('base64').slice(-88), bytes)
  if (known.size > REMEMBERED_MAX) known.delete(known.keys().next().value!)
}
