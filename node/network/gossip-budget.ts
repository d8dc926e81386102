/**
 * Bounds how much gossip is heard of one peer. The library takes whatever comes, as
 * fast as it comes, and punishes only a part of what no honest peer says.
 *
 * What is said above the budget is dropped unread, which loses nothing: gossip is
 * the fast way, and pulls are the sure one. It hooks into the private method by which
 * the library takes a message in; a node does not start without that method.
 */

import type { GossipSub } from '@libp2p/gossipsub'
import type { RPC } from '@libp2p/gossipsub/message'
import type { PeerId } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'

/** A peer of the largest mesh hands on seventy manifests a second, and says of each that it has it. */
const ITEMS_PER_SECOND = 200
/** The manifests of the largest mesh at once, as when two halves of it meet, and some more. */
const ITEMS_AT_ONCE = 5000
/** A budget outlives its connection, so that a new one does not fill it; the oldest entry goes first. */
const PEERS_MAX = 1024

export interface GossipBudgetComponents {
  readonly clock: Clock
  /** Something that a peer said was dropped. */
  onExcess(peerId: string): void
}

interface Entry {
  items: number
  atMs: number
}

/** What is used of the library's class. */
interface Listener {
  handleReceivedRpc?(from: PeerId, rpc: RPC): Promise<void>
}

export class GossipBudget {
  readonly #components: GossipBudgetComponents
  readonly #entries = new Map<string, Entry>()

  constructor(components: GossipBudgetComponents) {
    this.#components = components
  }

  /**
   * To be called once, before the network starts.
   *
   * @throws {LumosError} when this version of the library lacks the method: gossip without a bound is no gossip.
   */
  bound(pubsub: GossipSub): void {
    const listener = pubsub as Listener
    const listen = listener.handleReceivedRpc?.bind(listener)
    if (listen === undefined) {
      throw new LumosError('INTERNAL', 'Gossip cannot be bounded: gossipsub has no handleReceivedRpc.', {
        hint: 'Install the version of @libp2p/gossipsub that package.json names.'
      })
    }
    listener.handleReceivedRpc = async (from, rpc) => {
      if (this.spend(from.toString(), itemsOf(rpc))) await listen(from, rpc)
      else this.#components.onExcess(from.toString())
    }
  }

  /** @returns whether the peer had that much left. */
  spend(peerId: string, items: number): boolean {
    const nowMs = this.#components.clock.monotonicMs()
    const { items: left, atMs } = this.#entries.get(peerId) ?? { items: ITEMS_AT_ONCE, atMs: nowMs }
    const available = Math.min(ITEMS_AT_ONCE, left + ((nowMs - atMs) / 1000) * ITEMS_PER_SECOND)
    const enough = items <= available
    this.#entries.delete(peerId)
    this.#entries.set(peerId, { items: enough ? available - items : available, atMs: nowMs })
    if (this.#entries.size > PEERS_MAX) this.#entries.delete(this.#entries.keys().next().value!)
    return enough
  }
}

/** Each makes the listener look something up, remember or answer. An empty RPC costs as much as one of them. */
function itemsOf({ subscriptions, messages, control }: RPC): number {
  const lists = [
    subscriptions,
    messages,
    control?.ihave,
    control?.iwant,
    control?.graft,
    control?.prune,
    control?.idontwant
  ]
  return Math.max(
    1,
    lists.reduce((sum, list) => sum + (list?.length ?? 0), 0)
  )
}
