/** Well-formed envelopes with poison inside: manifests, certificates and hellos that no honest peer makes. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import { manifestTopic } from '../../node/network/gossip.ts'
import { pick } from '../random.ts'
import { type Attack, type Behaviour, keepDoing } from './behaviour.ts'
import { madeUpCertificates } from './peer.ts'

const INTERVAL_MS = 200

const capability = (model: string) => ({ task: 'text-generation', model, slots: 1, warm: true })

/** What is wrong with a manifest, besides how it is signed. */
const POISON: readonly ((attack: Attack) => Record<string, unknown>)[] = [
  () => ({ ttlMs: 0 }),
  () => ({ ttlMs: 2 ** 50 }),
  () => ({ sequence: -1 }),
  () => ({ sequence: 1.5 }),
  () => ({ epoch: Number.MAX_SAFE_INTEGER }),
  () => ({ version: 2 }),
  () => ({ capabilities: [{ ...capability('m'), task: 'a\u001b[2Jb' }] }),
  () => ({ name: 'a\u001b[2Jb' }),
  () => ({ name: '' }),
  () => ({ capabilities: Array.from({ length: 257 }, (_, i) => capability(`m${i}`)) }),
  () => ({ capabilities: [capability('../../etc/passwd x')] }),
  () => ({ capabilities: [{ ...capability('m'), slots: 2 ** 40 }] }),
  () => ({ addresses: ['/ip4/127.0.0.1/tcp/1/p2p/nobody'] }),
  () => ({ certificates: [] }),
  () => ({ certificates: [new Uint8Array(2048)] }),
  // In the name of somebody who is honest.
  attack => ({ peerId: pick(attack.victims(), attack.random).peerId, sequence: 2 ** 40 }),
  () => ({ hardware: null })
]

export const poisoner: Behaviour = async attack => {
  const { peer, random, signal } = attack
  const { pubsub } = peer.libp2p.services
  pubsub.subscribe(manifestTopic(peer.mesh))
  const otherKey = await generateKeyPair('Ed25519')
  const otherCertificates = await madeUpCertificates(peer.key)

  const poisoned = async (): Promise<Uint8Array> => {
    const over = pick(POISON, random)(attack)
    switch (Math.floor(random() * 4)) {
      case 0:
        return await peer.sealed({
          sequence: Math.floor(random() * 2 ** 30),
          certificates: [...otherCertificates]
        })
      case 1:
        return await peer.sealed(over, { key: otherKey })
      case 2:
        return await peer.sealed(over, { domain: 'libp2p-peer-record' })
      default:
        return await peer.sealed(over)
    }
  }

  await keepDoing(attack, INTERVAL_MS, async victim => {
    await pubsub.publish(manifestTopic(peer.mesh), await poisoned()).catch(() => {})
    const connection = await peer.dial(victim, signal)
    await peer.hello(connection, await poisoned(), random() < 0.2 ? 'a\u0000mesh' : peer.mesh)
  })
}
