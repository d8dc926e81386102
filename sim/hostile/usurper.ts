/** An admin that turned: removes devices that never were, and lets in as many, without end. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { BACKDATED_MS, CERTIFICATE_LIFE_MS } from '../../interface/membership.ts'
import { manifestTopic, revocationTopic } from '../../node/network/gossip.ts'
import { sealCertificate, sealRevocation } from '../../protocols/membership/index.ts'
import { encodeRevocation } from '../../protocols/revocation/index.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { type Attack, type Behaviour, keepDoing, meet } from './behaviour.ts'

const INTERVAL_MS = 50
/** In each round; what one peer may gossip is bounded to 200 items a second. */
const REVOCATIONS = 8
const MEMBERS = 2

/** Its peer needs the certificate of an admin. */
export const usurper: Behaviour = async attack => {
  const { peer } = attack
  const { pubsub } = peer.libp2p.services
  const topics = [manifestTopic(peer.mesh), revocationTopic(peer.mesh)] as const
  for (const topic of topics) pubsub.subscribe(topic)
  await keepDoing(attack, INTERVAL_MS, async victim => {
    await meet(attack, victim, () => peer.sealed({ capabilities: [] }))
    for (let i = 0; i < MEMBERS; i++) await pubsub.publish(topics[0], await madeUpMember(attack))
    for (let i = 0; i < REVOCATIONS; i++) await pubsub.publish(topics[1], await madeUpRevocation(attack))
  })
}

async function madeUpRevocation({ peer, clock }: Attack): Promise<Uint8Array> {
  const subject = idOf(await generateKeyPair('Ed25519'))
  const { envelope } = await sealRevocation(
    {
      ...{ version: 1, mesh: peer.mesh, issuer: peer.peerId, subject },
      revokedAtMs: Math.round(clock.wallMs())
    },
    peer.key
  )
  return encodeRevocation({ envelope, issuerCertificate: peer.certificates[0]! })
}

/** The manifest of a device that the admin has just let in, and that exists nowhere. */
async function madeUpMember({ peer, clock }: Attack): Promise<Uint8Array> {
  const key = await generateKeyPair('Ed25519')
  const peerId = idOf(key)
  const wallMs = Math.round(clock.wallMs())
  const { envelope } = await sealCertificate(
    {
      ...{ version: 1, mesh: peer.mesh, issuer: peer.peerId, subject: peerId, role: 'member' },
      ...{ name: `made-up-${peerId.slice(-8).toLowerCase()}`, serial: '0'.repeat(32) },
      ...{ notBeforeMs: wallMs - BACKDATED_MS, notAfterMs: wallMs + CERTIFICATE_LIFE_MS }
    },
    peer.key
  )
  const certificates = [envelope, peer.certificates[0]!]
  return await peer.seal(encodeControl(peer.manifest({ peerId, certificates, capabilities: [] })), { key })
}

const idOf = (key: PrivateKey): string => peerIdFromPrivateKey(key).toString()
