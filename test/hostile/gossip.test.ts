import { RPC } from '@libp2p/gossipsub/message'
import type { Stream } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import type { LumosNode } from '../../interface/node.ts'
import { HostilePeer } from '../node/hostile-peer.ts'
import { Victim } from './start-victim.ts'

/** Sixty in a longer run: `FLOOD_MS=60000`. */
const FLOOD_MS = Number(process.env.FLOOD_MS ?? 10_000)
const HONEST_INTERVAL_MS = 100
const GOSSIP_PROTOCOL = '/meshsub/1.2.0'

/** Varint length, then the message. */
function framed(message: RPC): Uint8Array {
  const body = RPC.encode(message)
  const length: number[] = []
  for (let left = body.length; ; left >>>= 7) {
    length.push(left < 0x80 ? left : (left & 0x7f) | 0x80)
    if (left < 0x80) break
  }
  return Buffer.concat([Uint8Array.from(length), body])
}

const text = (name: string) => new TextEncoder().encode(name)

/** Everything that makes the other side remember or look up something, with names never heard before. */
const bomb = (round: number, known: string): RPC => ({
  subscriptions: Array.from({ length: 60 }, (_, i) => ({ subscribe: true, topic: `new ${round} ${i}` })),
  messages: [],
  control: {
    ihave: [
      { topicID: known, messageIDs: Array.from({ length: 400 }, (_, i) => text(`have ${round} ${i}`)) }
    ],
    iwant: [{ messageIDs: Array.from({ length: 400 }, (_, i) => text(`want ${round} ${i}`)) }],
    graft: Array.from({ length: 20 }, (_, i) => ({ topicID: i % 2 === 0 ? known : `graft ${round} ${i}` })),
    prune: Array.from({ length: 20 }, (_, i) => ({
      topicID: `prune ${round} ${i}`,
      peers: [],
      backoff: 3600
    })),
    idontwant: [{ messageIDs: Array.from({ length: 100 }, (_, i) => text(`not ${round} ${i}`)) }]
  }
})

async function flood(stream: Stream, known: string, untilMs: number): Promise<number> {
  let sent = 0
  while (performance.now() < untilMs && stream.status === 'open') {
    try {
      if (!stream.send(framed(bomb(sent, known)))) await stream.onDrain()
      sent++
    } catch {
      break
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  stream.abort(new Error('enough'))
  return sent
}

describe('a member that floods gossip with subscriptions and control messages', () => {
  it(
    'costs little memory and little time, and honest news arrives meanwhile',
    async () => {
      await using victim = await Victim.start()
      const founder = {
        status: () => victim.status,
        admit: (grant: { subject: string; name: string }) => victim.admit(grant.subject, grant.name)
      } as never
      await using hostile = await HostilePeer.member(founder)
      await using honest = await HostilePeer.member(founder)
      const node = { status: () => victim.status } as unknown as LumosNode
      for (const peer of [hostile, honest])
        await peer.hello(await peer.dial(node), await peer.sealed({ capabilities: [] }))
      await honest.gossip(count => honest.sealed({ sequence: 1 + count, capabilities: [] }))

      const [connection] = hostile.libp2p.getConnections()
      const topic = `/lumos/${hostile.mesh}/manifest/1`
      // Once for the code to be compiled and tables to be made.
      await flood(await connection!.newStream(GOSSIP_PROTOCOL), topic, performance.now() + 1000)
      const before = await victim.figures()

      const endMs = performance.now() + FLOOD_MS
      let floods = 0
      let sent = 0
      const flooding = (async () => {
        while (performance.now() < endMs) {
          const open = hostile.libp2p.getConnections()[0] ?? (await hostile.dial(node).catch(() => undefined))
          const stream = await open?.newStream(GOSSIP_PROTOCOL).catch(() => undefined)
          if (stream === undefined) await new Promise(resolve => setTimeout(resolve, 50))
          else {
            floods++
            sent += await flood(stream, topic, endMs)
          }
        }
      })()
      let published = 0
      while (performance.now() < endMs) {
        published++
        await honest.gossip(async () => honest.sealed({ sequence: 1000 + published, capabilities: [] }))
        await new Promise(resolve => setTimeout(resolve, HONEST_INTERVAL_MS))
      }
      await flooding
      await new Promise(resolve => setTimeout(resolve, 500))
      const after = await victim.figures()

      const arrived = after.manifests[honest.peerId] ?? 0
      const grownMiB = after.liveMiB - before.liveMiB
      console.log(
        `T6: ${sent} floods of 1,060 items in ${floods} streams over ${FLOOD_MS / 1000} s; live ${before.liveMiB.toFixed(1)} → ${after.liveMiB.toFixed(1)} MiB, resident ${before.residentMiB.toFixed(0)} → ${after.residentMiB.toFixed(0)} MiB; loop p99 ${after.loopP99Ms.toFixed(0)} ms, max ${after.loopMaxMs.toFixed(0)} ms; honest news ${arrived} of ${published}`
      )
      expect(grownMiB).toBeLessThan(20)
      expect(after.loopP99Ms).toBeLessThan(100)
      expect(arrived).toBe(published)
      expect(sent).toBeGreaterThan(100)
    },
    FLOOD_MS + 30_000
  )
})
