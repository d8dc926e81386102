/** Sends as much as it may and more: gossip with names never heard before, manifests, streams, pulls. */

import { RPC } from '@libp2p/gossipsub/message'
import type { Stream } from '@libp2p/interface'
import { manifestTopic } from '../../node/network/gossip.ts'
import { MANIFEST_PROTOCOL } from '../../protocols/manifest/index.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { type Attack, type Behaviour, keepDoing, meet, openStream, pause } from './behaviour.ts'

const GOSSIP_PROTOCOL = '/meshsub/1.2.0'
/** In one go; then the processor, which the victims share, is left to them for a moment. */
const BURST = 20
const INTERVAL_MS = 50
/** All of libp2p's inbound streams for one protocol, and some more. */
const STREAMS = 40

const text = (name: string) => new TextEncoder().encode(name)
const many = <T>(length: number, make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i))

export const flooder: Behaviour = async attack => {
  const { peer, signal } = attack
  let round = 0
  await keepDoing(attack, INTERVAL_MS, async victim => {
    const connection = await meet(attack, victim, () => peer.sealed({ sequence: ++round, capabilities: [] }))
    const gossip = await openStream(connection, GOSSIP_PROTOCOL, signal)
    for (let i = 0; i < BURST && gossip.status === 'open'; i++) {
      if (!gossip.send(framed(bomb(++round, manifestTopic(peer.mesh))))) await pause(attack, INTERVAL_MS)
    }
    gossip.abort(new Error('enough'))
    await Promise.allSettled(many(STREAMS, () => pullNothing(attack, connection)))
  })
}

/** A pull whose answer nobody reads. */
async function pullNothing({ signal }: Attack, connection: Parameters<typeof openStream>[0]): Promise<void> {
  const stream: Stream = await openStream(connection, MANIFEST_PROTOCOL, signal)
  await new FrameStream(stream).write(1, encodeControl({ versions: [], last: true }))
}

/** Everything that makes the other side remember something or look something up. */
const bomb = (round: number, known: string): RPC => ({
  subscriptions: many(60, i => ({ subscribe: true, topic: `new ${round} ${i}` })),
  messages: [],
  control: {
    ihave: [{ topicID: known, messageIDs: many(400, i => text(`have ${round} ${i}`)) }],
    iwant: [{ messageIDs: many(400, i => text(`want ${round} ${i}`)) }],
    graft: many(20, i => ({ topicID: i % 2 === 0 ? known : `graft ${round} ${i}` })),
    prune: many(20, i => ({ topicID: `prune ${round} ${i}`, peers: [], backoff: 3600 })),
    idontwant: [{ messageIDs: many(100, i => text(`not ${round} ${i}`)) }]
  }
})

/** As gossipsub sends it: its length as a varint, then the message. */
function framed(message: RPC): Uint8Array {
  const body = RPC.encode(message)
  const length: number[] = []
  for (let left = body.length; ; left >>>= 7) {
    length.push(left < 0x80 ? left : (left & 0x7f) | 0x80)
    if (left < 0x80) break
  }
  return Buffer.concat([Uint8Array.from(length), body])
}
