/**
 * Gossip as gossipsub has it: what is new goes to a bounded number of peers,
 * each passes it on once, and over a bad link it may be lost.
 */

import type { SignedManifest } from '../../interface/manifest.ts'
import type { ProvenRevocation } from '../../node/membership/removals.ts'
import type { Life } from './life.ts'
import type { World } from './world.ts'

/** One message, however often and by whom it is published: its id is its content. */
export interface Rumour {
  readonly number: number
  readonly kind: 'manifest' | 'revocation'
  readonly value: SignedManifest | ProvenRevocation
  /** By node: the life of it that has seen this, as gossipsub's cache of seen messages. */
  readonly seenBy: Uint16Array
  /** By node: when the earliest copy under way arrives. Later ones would be dropped as seen. */
  readonly dueMs: Float64Array
}

export class Gossip {
  readonly #world: World
  readonly #rumours = new WeakMap<object, Rumour>()
  #last = 0

  constructor(world: World) {
    this.#world = world
  }

  /** Say it, whether it is one's own or came otherwise than by gossip. */
  publish(life: Life, value: SignedManifest | ProvenRevocation): void {
    const rumour = this.#rumourOf(value)
    rumour.seenBy[life.node.index] = life.node.lives
    this.passOn(life, rumour)
  }

  passOn(life: Life, rumour: Rumour): void {
    if (life.node.role === 'dropper') return
    const { network, queue, nodes, nowMs } = this.#world
    const { gossiping, gossipPeers } = life.meetings
    const { dueMs, seenBy } = rumour
    for (let i = 0; i < gossipPeers.length; i++) {
      const peer = gossipPeers[i]!
      // Mostly the peer has it already, and nothing more need be looked at.
      if (dueMs[peer]! <= nowMs) continue
      const to = nodes[peer]!
      if (seenBy[peer] === to.lives) continue
      const ms = network.packetMs(gossiping[i]!.out)
      if (ms === undefined || dueMs[peer]! <= nowMs + ms) continue
      dueMs[peer] = nowMs + ms
      queue.push(nowMs + ms, to.hear, rumour)
    }
  }

  #rumourOf(value: SignedManifest | ProvenRevocation): Rumour {
    let rumour = this.#rumours.get(value)
    if (rumour === undefined) {
      const { length } = this.#world.nodes
      rumour = {
        number: ++this.#last,
        kind: 'manifest' in value ? 'manifest' : 'revocation',
        value,
        seenBy: new Uint16Array(length),
        dueMs: new Float64Array(length).fill(Number.POSITIVE_INFINITY)
      }
      this.#rumours.set(value, rumour)
    }
    return rumour
  }
}
