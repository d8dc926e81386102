/** Devices that sync spaces on virtual time: the cores of sync, with envelopes that are nothing but numbers. */

import type { Random } from '../../interface/clock.ts'
import { stepSync } from '../../node/memory/sync/sync-core.ts'
import {
  type Heads,
  newSync,
  type SpaceView,
  type SyncEffect,
  type SyncEvent
} from '../../node/memory/sync/sync-state.ts'
import type { StatedHead } from '../../protocols/memory/messages.ts'
import { EventQueue } from '../../sim/virtual/event-queue.ts'

interface Envelope {
  readonly writer: string
  readonly seq: number
  /** What its writer had of the others. */
  readonly after: ReadonlyMap<string, number>
}

/** As a log accepts: each chain in its order, and nothing before what it depends on. In the order of acceptance. */
class VirtualLog {
  readonly envelopes: Envelope[] = []
  readonly heads = new Map<string, number>()
  version = 1
  #digest: string | undefined

  write(writer: string): void {
    const after = new Map(this.heads)
    this.#append({ writer, seq: (this.heads.get(writer) ?? 0) + 1, after })
  }

  /** @returns `new`, `known`, or `gap`. */
  accept(envelope: Envelope): 'new' | 'known' | 'gap' {
    const last = this.heads.get(envelope.writer) ?? 0
    if (envelope.seq <= last) return 'known'
    if (envelope.seq > last + 1) return 'gap'
    for (const [writer, seq] of envelope.after) if ((this.heads.get(writer) ?? 0) < seq) return 'gap'
    this.#append(envelope)
    return 'new'
  }

  above(known: Heads, most: number): Envelope[] {
    const wanted = this.envelopes.filter(({ writer, seq }) => seq > (known.get(`${writer}/a`)?.seq ?? 0))
    return wanted.slice(0, most)
  }

  get stated(): StatedHead[] {
    return statedOf(this.heads)
  }

  /** Equal where the same envelopes are. */
  get digest(): string {
    this.#digest ??= JSON.stringify([...this.heads].sort())
    return this.#digest
  }

  #append(envelope: Envelope): void {
    this.envelopes.push(envelope)
    this.heads.set(envelope.writer, envelope.seq)
    this.#digest = undefined
  }
}

const HASH = new Uint8Array(32)
const statedOf = (heads: ReadonlyMap<string, number>): StatedHead[] =>
  [...heads].map(([device, seq]) => ({ writer: { device, life: 'a' }, seq, hash: HASH }))

export interface VirtualPlan {
  readonly nodes: number
  /** Which nodes have which spaces. */
  mayKnow(space: string, node: number): boolean
  /** Of one message, over a stream. */
  latencyMs(): number
  /** Of a message: it is lost, comes twice, or comes late, as no stream does. */
  readonly lossy: number
}

/** Above one message of this many, a batch is cut. */
const BATCH = 8

export class VirtualSpaces {
  readonly nodes: VirtualNode[]
  readonly random: Random
  readonly plan: VirtualPlan
  nowMs = 0
  /** Envelopes that came, and those of them that were new. */
  came = 0
  cameNew = 0
  readonly #queue: EventQueue
  /** Pairs that are connected, and the number of their connection. */
  readonly #connections = new Map<string, number>()
  #connected = 0

  constructor(plan: VirtualPlan, random: Random) {
    this.plan = plan
    this.random = random
    this.#queue = new EventQueue(random)
    this.nodes = Array.from({ length: plan.nodes }, (_, index) => new VirtualNode(this, index))
  }

  after(ms: number, task: () => void): void {
    this.#queue.push(this.nowMs + ms, (run: () => void) => run(), task)
  }

  run(ms: number): void {
    const untilMs = this.nowMs + ms
    for (let entry = this.#queue.pop(untilMs); entry !== undefined; entry = this.#queue.pop(untilMs)) {
      this.nowMs = entry.atMs
      entry.task(entry.argument)
    }
    this.nowMs = untilMs
  }

  connect(a: number, b: number): void {
    if (a === b || this.connection(a, b) !== undefined) return
    this.#connections.set(pairOf(a, b), ++this.#connected)
    this.nodes[a]!.step({ type: 'met', peer: `${b}` })
    this.nodes[b]!.step({ type: 'met', peer: `${a}` })
  }

  cut(a: number, b: number): void {
    if (!this.#connections.delete(pairOf(a, b))) return
    this.nodes[a]!.lose(b)
    this.nodes[b]!.lose(a)
  }

  connection(a: number, b: number): number | undefined {
    return this.#connections.get(pairOf(a, b))
  }

  pairs(): [number, number][] {
    return [...this.#connections.keys()].map(pair => pair.split(' ').map(Number) as [number, number])
  }

  /** Nodes that should have a space, and have not what `digest` says. */
  behind(space: string): number[] {
    const all = this.nodes.filter(({ index }) => this.plan.mayKnow(space, index))
    const whole = new Map<string, number>()
    for (const { logs } of all)
      for (const [writer, seq] of logs.get(space)?.heads ?? [])
        whole.set(writer, Math.max(seq, whole.get(writer) ?? 0))
    const digest = JSON.stringify([...whole].sort())
    return all.flatMap(({ logs, index }) => (logs.get(space)?.digest === digest ? [] : [index]))
  }
}

const pairOf = (a: number, b: number): string => `${Math.min(a, b)} ${Math.max(a, b)}`

class VirtualNode {
  readonly index: number
  readonly logs = new Map<string, VirtualLog>()
  readonly #world: VirtualSpaces
  readonly #state
  /** When the stream to a peer has delivered what was sent on it last: one message never overtakes another. */
  readonly #deliveredMs = new Map<string, number>()
  /** The number of each stream: what is on the way when it ends never comes. */
  readonly #streams = new Map<string, number>()
  #stream = 0

  constructor(world: VirtualSpaces, index: number) {
    this.#world = world
    this.index = index
    this.#state = newSync((space, peer) => world.plan.mayKnow(space, Number(peer)))
  }

  create(space: string): void {
    this.logs.set(space, new VirtualLog())
    this.#changed(space, true)
  }

  write(space: string): void {
    const log = this.logs.get(space)
    if (log === undefined) return
    log.write(`${this.index}`)
    this.#changed(space, true)
  }

  step(event: SyncEvent): void {
    const { effects } = stepSync(this.#state, event, this.#world.nowMs, this.#world.random)
    for (const effect of effects) this.#do(effect)
  }

  lose(other: number): void {
    this.#streams.delete(`${other}`)
    this.step({ type: 'unlinked', peer: `${other}` })
    this.step({ type: 'unfed', peer: `${other}` })
    this.step({ type: 'gone', peer: `${other}` })
  }

  /** The stream on which this node offers to another one ends, and the connection stays. */
  reset(other: number): void {
    if (!this.#streams.delete(`${other}`)) return
    this.step({ type: 'unlinked', peer: `${other}` })
    this.#world.nodes[other]!.step({ type: 'unfed', peer: `${this.index}` })
  }

  #do(effect: SyncEffect): unknown {
    if (effect.type === 'timer') {
      this.#world.after(effect.ms, () => this.step({ type: 'timer', id: effect.id }))
      return
    }
    const { peer } = effect
    const other = Number(peer)
    const from = `${this.index}`
    const target = this.#world.nodes[other]!
    switch (effect.type) {
      case 'link':
        if (this.#world.connection(this.index, other) === undefined) return
        this.#streams.set(peer, ++this.#stream)
        target.step({ type: 'met', peer: from })
        target.step({ type: 'unfed', peer: from })
        return this.#world.after(1, () => this.#streams.has(peer) && this.step({ type: 'linked', peer }))
      case 'sendOffer':
        return this.#send(other, () => target.step({ type: 'offer', peer: from, offer: effect.offer }))
      case 'sendWant':
      case 'sendHave': {
        const type = effect.type === 'sendWant' ? 'want' : 'have'
        const { space, version, checkpoint, heads } = effect
        return target.#send(
          this.index,
          () => target.step({ type, peer: from, space, version, checkpoint, heads } as never),
          this
        )
      }
      case 'sendEnd':
      case 'sendNone': {
        const type = effect.type === 'sendEnd' ? 'end' : 'none'
        return this.#send(other, () => target.step({ type, peer: from, space: effect.space }))
      }
      case 'sendCharters':
        return this.#send(other, () => target.#takeCharter(effect.space))
      case 'sendBatch': {
        const { space, known } = effect
        const batch = this.logs.get(space)!.above(known, BATCH)
        const heads = new Map<string, number>()
        for (const { writer, seq } of batch) heads.set(writer, seq)
        const stream = this.#streams.get(peer)
        this.#send(other, () => target.#takeBatch(this.index, space, batch))
        return this.#world.after(1, () => {
          if (this.#streams.get(peer) !== stream) return
          this.step({ type: 'sent', peer, space, known, heads: statedOf(heads) })
        })
      }
      case 'compare':
        if (this.logs.get(effect.offer.space)!.digest !== effect.offer.content)
          throw new Error('The contents are not equal.')
        return
      case 'sendCheckpoint':
        throw new Error('Nothing was compacted.')
    }
  }

  /** Along the stream that `this` has opened; `back` where the other side writes on it. */
  #send(other: number, deliver: () => void, back?: VirtualNode): void {
    const { random, plan } = this.#world
    const key = `${other}`
    const stream = this.#streams.get(key)
    if (stream === undefined) return
    const lane = `${key} ${back === undefined ? 'there' : 'back'}`
    const odd = random() < plan.lossy ? random() : 1
    if (odd < 0.3) return
    const lateMs = odd < 0.6 ? 2000 * random() : 0
    const atMs = Math.max(
      this.#world.nowMs + plan.latencyMs(),
      lateMs > 0 ? 0 : (this.#deliveredMs.get(lane) ?? 0)
    )
    if (lateMs === 0) this.#deliveredMs.set(lane, atMs)
    const arrive = (): void => {
      if (this.#streams.get(key) === stream) deliver()
    }
    this.#world.after(atMs + lateMs - this.#world.nowMs, arrive)
    if (odd < 0.8 && odd >= 0.6) this.#world.after(atMs + 500 * random() - this.#world.nowMs, arrive)
  }

  #takeCharter(space: string): void {
    if (this.logs.has(space)) return
    this.logs.set(space, new VirtualLog())
    this.#changed(space, false)
  }

  #takeBatch(from: number, space: string, batch: readonly Envelope[]): void {
    const peer = `${from}`
    const log = this.logs.get(space)
    if (log === undefined) {
      this.step({ type: 'gap', peer, space })
      return
    }
    const heads = new Map<string, number>()
    let gap = false
    let isNew = false
    for (const envelope of batch) {
      const what = log.accept(envelope)
      this.#world.came++
      if (what === 'new') this.#world.cameNew++
      gap ||= what === 'gap'
      isNew ||= what === 'new'
      if (what !== 'gap') heads.set(envelope.writer, envelope.seq)
    }
    this.step({ type: 'took', peer, space, heads: statedOf(heads) })
    if (isNew) this.#changed(space, false)
    if (gap) this.step({ type: 'gap', peer, space })
  }

  #changed(space: string, own: boolean): void {
    const { version, digest, stated } = this.logs.get(space)!
    const view: SpaceView = {
      space,
      isReadable: true,
      version,
      charter: `${version}`,
      digest,
      content: digest,
      heads: stated,
      checkpoint: 0
    }
    this.step({ type: 'space', view, own })
  }
}
