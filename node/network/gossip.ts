/** Gossip with every limit set: what is small, signed by its author, and of a topic of this mesh. */

import { createHash } from 'node:crypto'
import { gossipsub, StrictNoSign } from '@libp2p/gossipsub'
import { MANIFEST_BYTES_MAX } from '../../protocols/manifest/index.ts'

/** @param topics full names: messages of others are dropped. */
export const gossip = (topics: string[]) =>
  gossipsub({
    // What is gossiped bears the signature of whoever says it: a second one, of the
    // message, would be checked at every hop and used by nobody.
    globalSignaturePolicy: StrictNoSign,
    fallbackToFloodsub: false,
    floodPublish: true,
    doPX: false,
    emitSelf: false,
    allowPublishToZeroTopicPeers: true,
    // A message is its content: whoever hands a manifest on sends the same
    // message, and whoever saw it drops it unread.
    msgIdFn: message => createHash('sha256').update(message.data).digest(),
    ignoreDuplicatePublishError: true,
    allowedTopics: topics,
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
