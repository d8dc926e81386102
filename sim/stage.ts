/**
 * What a scenario has at hand: a cluster that is watched. Whatever is done through
 * it is written down, and in a replay it is done when it was done before.
 */

import { styleText } from 'node:util'
import { type Random, systemClock } from '../interface/clock.ts'
import type { LumosNode } from '../interface/node.ts'
import type { Cluster } from './cluster.ts'
import type { Fault, Schedule } from './faults/fault.ts'
import { type LifeChange, lifeAfter } from './faults/life.ts'
import type { Actor, Fact, History, NodeView } from './history.ts'
import { disagreements, removedUntil } from './invariants/agreement.ts'
import { type Answer, Observer, type Question } from './observer.ts'
import { Pace } from './pace.ts'

/** How often a condition is looked at: far below what any promise allows, and little work. */
const POLL_MS = 20
/** Looking at all nodes costs their square, so a large mesh is looked at less often. */
const LOOK_MS = 250
const LOOK_MS_PER_NODE = 25

export interface StageInit {
  readonly cluster: Cluster
  readonly random: Random
  readonly signal: AbortSignal
  /** Of an earlier run, to be repeated. */
  readonly replay?: Schedule
  /** Tell whoever watches what goes on. */
  report(line: string): void
}

/** The answer to the scenario's question is no. */
class BrokenPromise extends Error {}

export class Stage implements Disposable {
  readonly cluster: Cluster
  readonly random: Random
  /** Aborted when the scenario's time is up, or nobody wants to know any more. */
  readonly signal: AbortSignal
  readonly observer: Observer
  /** What did not hold, in sentences. */
  readonly failures: string[] = []
  /** What is promised, and known not to be held yet. */
  readonly shortfalls: string[] = []
  readonly #init: StageInit
  readonly #looking = new AbortController()
  readonly #pace = new Pace()
  #inflicted = 0
  #repeating = Promise.resolve()

  constructor(init: StageInit) {
    this.#init = init
    this.cluster = init.cluster
    this.random = init.random
    this.signal = init.signal
    this.observer = new Observer(() => init.cluster.elapsedMs)
    this.cluster.watch((node, host) => this.observer.watch(node, host.name))
    this.#lookOften()
  }

  [Symbol.dispose](): void {
    this.#looking.abort()
    this.observer[Symbol.dispose]()
  }

  get history(): History {
    return this.observer.history
  }

  get nodes(): readonly LumosNode[] {
    return this.cluster.nodes
  }

  get elapsedMs(): number {
    return this.cluster.elapsedMs
  }

  /** How much slower this process is than alone on its machine. */
  get slowness(): number {
    return this.#pace.slowness
  }

  /** A promised time, stretched by what other programs take from this process. */
  promised(ms: number): number {
    return ms * this.#pace.slowness
  }

  node(index: number): LumosNode {
    return this.cluster.nodes[index]!
  }

  /** Indices of the nodes that run now. */
  get running(): number[] {
    return this.cluster.hosts.filter(({ state }) => state === 'running').map(({ index }) => index)
  }

  /** Those of them that nobody has removed from the mesh. */
  get members(): number[] {
    const removed = removedUntil(this.history, this.elapsedMs)
    return this.running.filter(index => !removed.has(this.node(index).peerId))
  }

  /** Do it, write it down, and note what it means for who runs. */
  async inflict(drawn: Fault): Promise<void> {
    const repeated = this.#init.replay?.entries[this.#inflicted++]
    if (repeated !== undefined) {
      // In their order, also where several wait at once.
      this.#repeating = this.#repeating.then(() => this.#untilMs(repeated.atMs))
      await this.#repeating
    }
    const fault = repeated?.fault ?? drawn
    const running = lifeAfter(fault, this.cluster.hosts)
    this.observer.add({ type: 'fault', fault })
    if (fault.kind === 'crash') this.observer.lost(`node-${fault.node}`)
    if (fault.kind === 'crash' || fault.kind === 'pause') this.#live(running)
    try {
      await this.cluster.inflict(fault)
    } catch (thrown) {
      // A replay may find a node in another state than the run did, for no two runs take the same time.
      if (repeated === undefined) throw thrown
      this.note(`could not be repeated: ${(thrown as Error).message}`)
      return
    }
    if (fault.kind !== 'crash' && fault.kind !== 'pause') this.#live(running)
    if (fault.kind === 'hostile') {
      const { name, peerId } = this.cluster.hostiles.at(-1)!
      this.meet({ name, peerId, kind: fault.by === undefined ? 'stranger' : 'hostile' })
    }
  }

  #live(changes: readonly LifeChange[]): void {
    for (const change of changes) this.observer.add({ type: 'life', ...change })
  }

  /** Start all that were only made, and wait until they know each other. */
  async assemble(withinMs = 60_000): Promise<number> {
    const beganMs = this.elapsedMs
    await this.cluster.start(this.signal, node => this.inflict({ kind: 'start', node }))
    await this.agree('everyone knows everyone', withinMs)
    return this.elapsedMs - beganMs
  }

  /** Ask, as a program on that node would. Never throws. */
  ask(index: number, question: Question = {}): Promise<Answer> {
    const signal = AbortSignal.any([this.signal, ...(question.signal ? [question.signal] : [])])
    return this.observer.ask(`node-${index}`, this.node(index), { ...question, signal })
  }

  /**
   * Wait until `holds`.
   *
   * @returns how long it took.
   * @throws {BrokenPromise} with `what` when it does not in time.
   */
  async until(what: string, holds: () => boolean, withinMs: number): Promise<number> {
    const beganMs = this.elapsedMs
    while (!holds()) {
      this.signal.throwIfAborted()
      if (this.elapsedMs - beganMs > this.promised(withinMs)) {
        throw new BrokenPromise(`Not within ${Math.round(withinMs)} ms: ${what}.`)
      }
      await this.pause(POLL_MS)
    }
    return this.elapsedMs - beganMs
  }

  /** Wait until all who run see the same mesh, and the mesh has all of them. */
  async agree(what: string, withinMs: number): Promise<number> {
    const fromMs = this.elapsedMs
    for (;;) {
      this.signal.throwIfAborted()
      this.look()
      const [first, ...more] = disagreements(this.history, { fromMs, toMs: this.elapsedMs })
      if (first === undefined) return this.elapsedMs - fromMs
      if (this.elapsedMs - fromMs > this.promised(withinMs)) {
        throw new BrokenPromise(`Not within ${withinMs} ms: ${what}. ${first} And ${more.length} more.`)
      }
      await this.pause(this.lookMs)
    }
  }

  /** Say what must hold. When it does not the answer is no, and the run goes on. */
  must(promise: string, holds: boolean): void {
    if (holds) return
    this.failures.push(`It does not hold that ${promise}.`)
    this.note(`It does not hold that ${promise}.`)
  }

  /**
   * Say what is promised and known not to hold yet. The answer stays, and the run,
   * its report and its test tell that it falls short.
   */
  aims(promise: string, holds: boolean): void {
    if (holds) return
    this.shortfalls.push(promise)
    this.note(`It falls short of this: ${promise}.`)
  }

  note(text: string): void {
    this.observer.add({ type: 'note', text })
    this.#init.report(`${styleText('dim', `${(this.elapsedMs / 1000).toFixed(1).padStart(5)} s`)}  ${text}`)
  }

  acknowledged(index: number, fact: Fact): void {
    this.observer.add({ type: 'acknowledged', node: `node-${index}`, fact })
  }

  /** Somebody who is no node of the cluster takes part. */
  meet(actor: Actor): void {
    this.history.actors.push(actor)
  }

  look(): void {
    for (const { name, node, state } of this.cluster.hosts) {
      if (state === 'running') this.observer.look(name, node)
    }
  }

  /** What the node says of itself now. */
  view(index: number): NodeView {
    return this.observer.look(`node-${index}`, this.node(index))
  }

  pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    systemClock.setTimer(resolve, delayMs)
    return promise
  }

  /** Between two looks at all nodes. */
  get lookMs(): number {
    return LOOK_MS + LOOK_MS_PER_NODE * this.cluster.hosts.length
  }

  #lookOften(): void {
    if (this.#looking.signal.aborted) return
    this.observer.weigh()
    systemClock.setTimer(() => {
      if (this.#looking.signal.aborted) return
      this.look()
      this.#lookOften()
    }, 2 * this.lookMs)
  }

  async #untilMs(atMs: number): Promise<void> {
    if (atMs > this.elapsedMs) await this.pause(atMs - this.elapsedMs)
  }
}
