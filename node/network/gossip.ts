/** Gossip of one mesh: its topics, and every limit of the library set. */

import { createHash } from 'node:crypto'
import { gossipsub, StrictNoSign } from '@libp2p/gossipsub'
import { MANIFEST_BYTES_MAX } from '../../protocols/manifest/index.ts'

/** The full name of a topic: meshes on one network stay apart. */
export const topicOf = (mesh: string, name: string): string => `/lumos/${mesh}/${name}/1`
export const MANIFEST_TOPIC = 'manifest'
export const REVOCATION_TOPIC = 'revocation'
export const manifestTopic = (mesh: string): string => topicOf(mesh, MANIFEST_TOPIC)
export const revocationTopic = (mesh: string): string => topicOf(mesh, REVOCATION_TOPIC)

export const gossip = (mesh: string, topics: readonly string[]) =>
  gossipsub({
    // What is gossiped bears the signature of its author: a second one, of the message, would be checked at every hop
    // and serve nothing.
    globalSignaturePolicy: StrictNoSign,
    fallbackToFloodsub: false,
    floodPublish: true,
    doPX: false,
    emitSelf: false,
    allowPublishToZeroTopicPeers: true,
    // A message is its content: each peer that passes a manifest on sends the same message, and one that has seen it
    // drops it unread.
    msgIdFn: message => createHash('sha256').update(message.data).digest(),
    ignoreDuplicatePublishError: true,
    allowedTopics: [MANIFEST_TOPIC, REVOCATION_TOPIC, ...topics].map(name => topicOf(mesh, name)),
    // One address may hide a whole office: scoring by address would silence it
    // from the eleventh peer on.
    scoreParams: { IPColocationFactorWeight: 0 },
    maxInboundStreams: 2,
    // An RPC holds one manifest and gossip's own envelope, or a few of each.
    maxInboundDataLength: 2 * MANIFEST_BYTES_MAX,
    // No message is that long. A peer that says IDONTWANT of each message it hears says twice as much as it hears:
    // the budget of gossip would run out of honest peers that hear a flood.
    idontwantMinDataSize: 2 * MANIFEST_BYTES_MAX,
    maxOutboundBufferSize: 1024 * 1024,
    decodeRpcLimits: {
      maxSubscriptions: 64,
      maxMessages: 64,
      maxControlMessages: 64,
      maxIhaveMessageIDs: 512,
      maxIwantMessageIDs: 512,
      maxIdontwantMessageIDs: 128,
      maxPeerInfos: 0
    }
  })
