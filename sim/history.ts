/**
 * What was seen and done in a run, each with its time: all that invariants and
 * reports know. It is plain data, so a test can doctor it.
 *
 * Everything in it can be seen from outside: events and public answers of nodes,
 * answers to requests, what this process as a whole holds and throws.
 */

import type { EventData, EventName } from '../interface/events.ts'
import type { Fault } from './faults/fault.ts'

/** Who takes part. `guest` is who belongs to no mesh, or not to this one. */
export interface Actor {
  readonly name: string
  readonly peerId: string
  /** `honest` nodes are ours; `hostile` ones are members that break the rules; `stranger`s are no members. */
  readonly kind: 'honest' | 'hostile' | 'stranger'
}

/** What a node says about itself when it is asked, less what changes by itself. */
export interface NodeView {
  /** PeerIds of those it is connected to. */
  readonly peers: readonly string[]
  /** PeerIds of those that it would ask, itself included, each with its models as they are loaded or not. */
  readonly providers: Readonly<Record<string, string>>
  /** PeerIds of those that belong to the mesh, itself included. */
  readonly members: readonly string[]
  readonly mesh: string
  readonly connections: number
  readonly streams: number
  readonly requests: { readonly own: number; readonly running: number; readonly queued: number }
}

type At = { readonly atMs: number }
type OfNode = At & { readonly node: string }
type OfRequest = At & { readonly id: string }

type NodeEvent = {
  [N in EventName]: OfNode & { readonly type: 'event'; readonly event: N; readonly data: EventData<N> }
}[EventName]

export type Entry =
  | NodeEvent
  /** `ready`: it has started. `stopped`: it has ended, its disk is as it was. `lost`: so is what was not synced. */
  | (OfNode & { type: 'life'; change: 'ready' | 'stopped' | 'lost' | 'paused' | 'resumed' })
  /** Something was done to the cluster. */
  | (At & { type: 'fault'; fault: Fault })
  /** Nothing is wrong any more: those who run must agree, and answer, within this time. */
  | (At & { type: 'healed'; withinMs: number })
  /** Whatever a person should read in the timeline. */
  | (At & { type: 'note'; text: string })
  /** What the node says of itself. */
  | (OfNode & { type: 'view'; view: NodeView })
  /** A request was made; the oracle says what a complete answer is. */
  | (OfRequest & { type: 'asked'; asker: string; oracle: string })
  /** The router has chosen a peer, for the first time or again. */
  | (OfRequest & { type: 'routed'; peerId: string })
  | (OfRequest & { type: 'chunk'; index: number; text: string })
  | (OfRequest & { type: 'done'; index: number; finishReason: string })
  /** The last of a request. Without `code` it was answered. */
  | (OfRequest & { type: 'ended'; code?: string })
  /** A node has said that this is so: it must stay so, whatever happens to the node. */
  | (OfNode & { type: 'acknowledged'; fact: Fact })
  /** Bytes that somebody got from a node over one protocol. */
  | (OfNode & { type: 'received'; peerId: string; protocol: string; bytes: number })
  /** A peer did what is forbidden; how the node was before and after it. */
  | (OfNode & { type: 'rejected'; what: string; before: NodeView; after: NodeView })
  /** This process, which all nodes share. */
  | (At & { type: 'process'; memoryBytes: number; descriptors: number })
  /** Nobody caught it. */
  | (At & { type: 'uncaught'; kind: 'unhandledRejection' | 'uncaughtException'; message: string })

/** `revoked`: the device belongs to the mesh no more. `named`: the mesh is called so. */
export type Fact =
  | { readonly kind: 'revoked'; readonly peerId: string }
  | { readonly kind: 'named'; readonly name: string }

export type EntryOf<T extends Entry['type']> = Extract<Entry, { type: T }>
export type EventEntry<N extends EventName> = Extract<Entry, { type: 'event'; event: N }>

/** An entry that is not written down yet. */
type Unwritten<T> = T extends unknown ? Omit<T, 'atMs'> : never
export type NewEntry = Unwritten<Entry>

export class History {
  readonly actors: Actor[] = []
  readonly entries: Entry[] = []

  /** Entries are told in the order in which they were seen. */
  static of(actors: readonly Actor[], entries: readonly Entry[]): History {
    const history = new History()
    history.actors.push(...actors)
    history.entries.push(...entries)
    return history
  }

  of<T extends Entry['type']>(type: T): EntryOf<T>[] {
    return this.entries.filter((entry): entry is EntryOf<T> => entry.type === type)
  }

  events<N extends EventName>(name: N): EventEntry<N>[] {
    return this.entries.filter(
      (entry): entry is EventEntry<N> => entry.type === 'event' && entry.event === name
    )
  }

  /** The entries of each request, in order, by its id. */
  requests(): Map<string, RequestEntry[]> {
    const requests = new Map<string, RequestEntry[]>()
    for (const entry of this.entries) {
      if (!isOfRequest(entry)) continue
      const known = requests.get(entry.id)
      if (known) known.push(entry)
      else requests.set(entry.id, [entry])
    }
    return requests
  }

  /** Honest nodes that run at that time. */
  running(atMs = this.endMs): Actor[] {
    const lives = this.of('life').filter(life => life.atMs <= atMs)
    const runs = ({ name }: Actor) =>
      ['ready', 'resumed'].includes(lives.findLast(({ node }) => node === name)?.change ?? '')
    return this.actors.filter(actor => actor.kind === 'honest' && runs(actor))
  }

  actor(peerId: string): Actor | undefined {
    return this.actors.find(actor => actor.peerId === peerId)
  }

  /** A name where there is one: nobody reads PeerIds. */
  nameOf(peerId: string): string {
    return this.actor(peerId)?.name ?? peerId.slice(-8)
  }

  get endMs(): number {
    return this.entries.at(-1)?.atMs ?? 0
  }
}

export type RequestEntry = Extract<Entry, { id: string }>

const isOfRequest = (entry: Entry): entry is RequestEntry => 'id' in entry
