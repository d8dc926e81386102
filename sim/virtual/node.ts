/** A virtual device: what outlives its crashes, and the life it has now, if any. */

import type { Capability, SignedManifest } from '../../interface/manifest.ts'
import type { ProvenRevocation } from '../../node/membership/removals.ts'
import { Disk } from './disk.ts'
import type { Rumour } from './gossip.ts'
import { Life } from './life.ts'
import type { World } from './world.ts'

/** Everybody but `honest` breaks the rules, each in one way; see `hostile.ts`. */
export type NodeRole = 'honest' | 'liar' | 'replayer' | 'equivocator' | 'flooder' | 'dropper' | 'stranger'

export class VirtualNode {
  readonly index: number
  readonly role: NodeRole
  readonly capabilities: readonly Capability[]
  readonly acquaintances: number[] = []
  /** `core.db`. */
  readonly disk = new Disk<number | ProvenRevocation>()
  /** `cache.db`. */
  readonly cache = new Disk<SignedManifest>()
  /** Whether its cache will ever be read again: else it is not worth its time. */
  readonly mayCrash: boolean
  readonly epoch: number
  life: Life | undefined
  /** Lives it has had. */
  lives = 0
  /** Without power, or unplugged: nobody tells its peers. */
  isGone = false
  /** What its wall clock is off. */
  skewMs = 0
  /** How many times longer its work takes. */
  slowness = 1
  /** While it is stopped, what reaches it waits. */
  #inbox: (() => void)[] | undefined
  readonly #world: World

  constructor(world: World, index: number, role: NodeRole, capabilities: readonly Capability[]) {
    this.#world = world
    this.index = index
    this.role = role
    this.capabilities = capabilities
    this.epoch = 1000 + index
    this.mayCrash = world.plan.faults.some(fault => fault.type === 'crash' && fault.node === index)
  }

  get isHonest(): boolean {
    return this.role === 'honest'
  }

  start(): void {
    if (this.life !== undefined) return
    this.isGone = false
    this.lives++
    this.#world.trace.note(this.#world.nowMs, this.index, 'start', this.lives)
    this.life = new Life(this.#world, this)
    this.life.start()
  }

  /** `power-cut` loses what was not synced, and tells nobody; `kill` loses what was in memory. */
  crash(kind: 'kill' | 'power-cut'): void {
    const { life } = this
    if (life === undefined) return
    this.#world.trace.note(this.#world.nowMs, this.index, kind, this.lives)
    this.isGone = kind === 'power-cut'
    this.#world.checker.died(this.index)
    life.over = true
    this.life = undefined
    this.#inbox = undefined
    if (this.isGone) {
      this.disk.cutPower()
      this.cache.cutPower()
    }
    this.#world.network.lose(this.index, this.isGone)
  }

  pause(): void {
    if (this.life !== undefined) this.#inbox ??= []
  }

  resume(): void {
    const waiting = this.#inbox ?? []
    this.#inbox = undefined
    for (const task of waiting) task()
  }

  run(task: (life: Life) => void): void {
    const { life } = this
    if (life !== undefined) this.runIn(life, () => task(life))
  }

  /** `task` belongs to that life, and is nobody's business after it. */
  runIn(life: Life, task: () => void): void {
    if (life.over) return
    if (this.#inbox === undefined) task()
    else this.#inbox.push(() => this.runIn(life, task))
  }

  /** A copy of a rumour arrives. */
  readonly hear = (rumour: Rumour): void => {
    const { life, index, lives } = this
    if (life === undefined) {
      rumour.dueMs[index] = Number.POSITIVE_INFINITY
      return
    }
    if (this.#inbox !== undefined) {
      this.#inbox.push(() => this.hear(rumour))
      return
    }
    if (rumour.seenBy[index] === lives) return
    rumour.seenBy[index] = lives
    const world = this.#world
    world.trace.note(world.nowMs, index, rumour.kind, rumour.number)
    life.onRumour(rumour)
  }
}
