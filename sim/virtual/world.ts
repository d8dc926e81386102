/**
 * A mesh on virtual time: nodes, links, disks and clocks in one thread, and
 * nothing that a seed does not decide. The same seed gives the same run, event
 * by event, which the hash of the trace shows.
 */

import type { Random } from '../../interface/clock.ts'
import { forkRandom } from '../random.ts'
import { Checker } from './checker.ts'
import { type Cores, PRODUCT_CORES } from './cores.ts'
import { EventQueue } from './event-queue.ts'
import { inflict } from './faults.ts'
import { Gossip } from './gossip.ts'
import { makeMischief } from './hostile.ts'
import { Identities } from './identities.ts'
import { startLoad } from './load.ts'
import { Network } from './network.ts'
import { VirtualNode } from './node.ts'
import type { Plan } from './plan.ts'
import { Trace } from './trace.ts'

export interface WorldOptions {
  /** Other parts than the product's, for a test that must fail. */
  readonly cores?: Cores
  /** Told of everything, as it happens. */
  readonly print?: (line: string) => void
}

export class World {
  readonly plan: Plan
  readonly cores: Cores
  readonly random: Random
  readonly queue: EventQueue
  readonly trace: Trace
  readonly checker: Checker
  readonly identities = new Identities()
  readonly nodes: readonly VirtualNode[]
  readonly network: Network
  readonly gossip: Gossip
  /** Nodes that somebody has removed. */
  readonly removed = new Set<number>()
  nowMs = 0
  #numbers = 0

  constructor(plan: Plan, { cores = PRODUCT_CORES, print }: WorldOptions = {}) {
    const { seed } = plan
    this.plan = plan
    this.cores = cores
    this.random = forkRandom(seed, 'world')
    this.queue = new EventQueue(forkRandom(seed, 'order'))
    this.trace = new Trace(print)
    this.checker = new Checker(this)
    this.nodes = plan.nodes.map(({ role, capabilities }, i) => new VirtualNode(this, i, role, capabilities))
    this.network = new Network(this, forkRandom(seed, 'network'))
    this.gossip = new Gossip(this)
    for (const [i, { acquaintances, issuer }] of plan.nodes.entries()) {
      this.nodes[i]!.acquaintances.push(...acquaintances)
      if (this.nodes[i]!.role === 'stranger') this.identities.makeStranger(i)
      else this.identities.admit(i, issuer)
    }
  }

  start(): void {
    for (const node of this.nodes) {
      this.after(this.random() * this.plan.startWithinMs, () => {
        node.start()
        makeMischief(this, node)
      })
    }
    startLoad(this)
    for (const fault of this.plan.faults) this.after(fault.atMs, () => inflict(this, fault))
  }

  after(ms: number, task: () => void): void {
    this.queue.push(this.nowMs + ms, callTask, task)
  }

  /** Unique in this world. */
  nextNumber(): number {
    return ++this.#numbers
  }

  /** @throws {BrokenInvariant} as soon as one is. */
  run(untilMs: number): void {
    for (;;) {
      const entry = this.queue.pop(untilMs)
      if (entry === undefined) break
      this.nowMs = entry.atMs
      entry.task(entry.argument)
    }
    this.nowMs = untilMs
  }
}

const callTask = (task: () => void): void => task()
