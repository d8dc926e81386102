import { setImmediate, setTimeout } from 'node:timers/promises'
import { RPC } from '@libp2p/gossipsub/message'
import { describe, expect, it } from 'vitest'
import type { LumosNode } from '../../interface/node.ts'
import { manifestTopic } from '../../node/network/gossip.ts'
import { HostilePeer } from '../node/hostile-peer.ts'
import { framed } from './dht-messages.ts'
import { becomes } from './measures.ts'
import { Victim } from './start-victim.ts'

/** Sixty in a longer run: `FLOOD_MS=60000`. */
const FLOOD_MS = Number(process.env.FLOOD_MS ?? 10_000)
const HONEST_INTERVAL_MS = 100
const FLOODERS = 1
const GOSSIP_PROTOCOL = '/meshsub/1.2.0'

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

/** Floods until `untilMs`, comes back whenever it is thrown out, and tells until when it got anything said. */
class Flooder {
  readonly #peer: HostilePeer
  readonly #node: LumosNode
  sent = 0
  heardUntilMs = 0

  constructor(peer: HostilePeer, node: LumosNode) {
    this.#peer = peer
    this.#node = node
  }

  get peerId(): string {
    return this.#peer.peerId
  }

  async flood(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      const stream = await this.#open().catch(() => undefined)
      if (stream === undefined) await setTimeout(50)
      else {
        while (performance.now() < untilMs && stream.status === 'open') {
          try {
            if (!stream.send(framed(RPC.encode(bomb(this.sent, manifestTopic(this.#peer.mesh))))))
              await stream.onDrain()
            this.sent++
            this.heardUntilMs = performance.now()
          } catch {
            break
          }
          await setImmediate()
        }
        stream.abort(new Error('enough'))
      }
    }
  }

  async #open() {
    const [open] = this.#peer.libp2p.getConnections()
    return await (open ?? (await this.#peer.dial(this.#node))).newStream(GOSSIP_PROTOCOL)
  }
}

describe('a member that floods gossip with subscriptions and control messages', () => {
  it(
    'is shut out within ten seconds, costs little memory and time, and honest news arrives meanwhile',
    async () => {
      await using victim = await Victim.start()
      const founder = {
        status: () => victim.status,
        admit: (grant: { subject: string; name: string }) => victim.admit(grant.subject, grant.name)
      } as never
      const node = { status: () => victim.status } as unknown as LumosNode
      await using peers = new AsyncDisposableStack()
      const arrive = async (): Promise<HostilePeer> => {
        const peer = peers.use(await HostilePeer.member(founder))
        await peer.hello(await peer.dial(node), await peer.sealed({ capabilities: [] }))
        return peer
      }
      const honest = await arrive()
      await honest.gossip(count => honest.sealed({ sequence: 1 + count, capabilities: [] }))
      // Once for the code to be compiled and tables to be made.
      await new Flooder(await arrive(), node).flood(performance.now() + 1000)
      const flooders: Flooder[] = []
      for (let i = 0; i < FLOODERS; i++) flooders.push(new Flooder(await arrive(), node))
      const before = await victim.figures()

      const beganMs = performance.now()
      const endMs = beganMs + FLOOD_MS
      const flooding = Promise.all(flooders.map(flooder => flooder.flood(endMs)))
      let published = 0
      while (performance.now() < endMs) {
        published++
        await honest.gossip(async () => honest.sealed({ sequence: 1000 + published, capabilities: [] }))
        await setTimeout(HONEST_INTERVAL_MS)
      }
      await flooding
      let arrived = 0
      let after = await victim.figures()
      const { codes } = after
      await becomes('all honest news has arrived', 10_000, async () => {
        arrived += after.manifests[honest.peerId] ?? 0
        if (arrived < published)
          after = { ...(await victim.figures()), loopP99Ms: after.loopP99Ms, loopMaxMs: after.loopMaxMs }
        return arrived >= published
      })

      const grownMiB = after.liveMiB - before.liveMiB
      const heardMs = flooders.map(flooder => Math.round(flooder.heardUntilMs - beganMs))
      const sent = flooders.reduce((sum, flooder) => sum + flooder.sent, 0)
      console.log(
        `T6: ${FLOODERS} of the members sent ${sent} floods of 1,060 items and was shut out after ${heardMs.join(', ')} ms of ${FLOOD_MS}; live ${before.liveMiB.toFixed(1)} → ${after.liveMiB.toFixed(1)} MiB, resident ${before.residentMiB.toFixed(0)} → ${after.residentMiB.toFixed(0)} MiB; loop p99 ${after.loopP99Ms.toFixed(0)} ms, max ${after.loopMaxMs.toFixed(0)} ms; honest news ${arrived} of ${published}`
      )
      // A second before the end, all of them had long been speaking to nobody.
      expect(Math.max(...heardMs)).toBeLessThan(9000)
      for (const { peerId } of flooders) expect(codes[`PEER_BANNED ${peerId}`]).toBeGreaterThan(0)
      expect(grownMiB).toBeLessThan(20)
      // 24 to 29 ms on a machine of its own; what else runs here takes its part.
      expect(after.loopP99Ms).toBeLessThan(250)
      expect(arrived).toBe(published)
      expect(sent).toBeGreaterThan(20)
    },
    FLOOD_MS + 50_000
  )
})
