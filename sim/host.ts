/**
 * One device of a cluster: its disk, its clock, its network card, and the node
 * that runs on it now. A node that crashed or stopped is followed by another one,
 * made from what the disk holds.
 */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../interface/clock.ts'
import type { LumosNode } from '../interface/node.ts'
import type { MeshNodeOptions } from '../node/create-node.ts'
import { createDrivenNode, type DrivenNode } from './driven-node.ts'
import { copySynced, copyWritten } from './faults/power-cut.ts'
import { HostClock } from './host-clock.ts'
import { HostLog } from './host-log.ts'
import type { Endpoint } from './network/endpoint.ts'
import type { SimNetwork } from './network/network.ts'
import { forkRandom } from './random.ts'

export type HostState = 'made' | 'running' | 'paused' | 'crashed' | 'stopped'

/** What differs from one node to the other. */
export type HostOptions = Pick<MeshNodeOptions, 'settings' | 'models'>

export interface HostInit {
  readonly index: number
  /** A directory of its own. */
  readonly directory: string
  readonly seed: number
  readonly system: Clock
  readonly network: SimNetwork
  /** Names of the hosts it knows when it starts. */
  readonly known: readonly string[]
  readonly pingIntervalMs?: number
  readonly options: HostOptions
}

export const hostName = (index: number): string => `node-${index}`

export class Host {
  readonly index: number
  readonly name: string
  readonly log = new HostLog()
  readonly #init: HostInit
  #incarnation = 0
  #clock: HostClock
  #endpoint: Endpoint
  #node: DrivenNode | undefined
  #state: HostState = 'made'
  /** Nodes that are gone for everybody, and end out of sight. */
  readonly #ending: Promise<unknown>[] = []

  constructor(init: HostInit) {
    this.index = init.index
    this.name = hostName(init.index)
    this.#init = init
    this.#clock = new HostClock(init.system)
    this.#endpoint = init.network.attach(this.name)
  }

  get state(): HostState {
    return this.#state
  }

  get clock(): HostClock {
    return this.#clock
  }

  get endpoint(): Endpoint {
    return this.#endpoint
  }

  /** How many others its node dials when it starts. */
  get acquaintances(): number {
    return this.#init.known.length
  }

  /** The node that runs here, or that ran here last. */
  get node(): DrivenNode {
    return this.#node!
  }

  get home(): string {
    return join(this.#init.directory, `${this.index}-${this.#incarnation}`)
  }

  /** Make the node, without starting it. */
  async make(): Promise<LumosNode> {
    const { seed, known, pingIntervalMs, options } = this.#init
    this.#node = await createDrivenNode({
      home: this.home,
      clock: this.#clock,
      random: forkRandom(seed, `${this.name} ${this.#incarnation}`),
      log: this.log,
      network: this.#endpoint.stack(known, pingIntervalMs),
      ...options,
      settings: {
        name: this.name,
        'models.builtin': false,
        'engines.echo': true,
        'serving.yield': 'never',
        ...options.settings
      }
    })
    this.#state = 'made'
    return this.#node
  }

  async start(): Promise<void> {
    this.#expect('start', 'made')
    this.#state = 'running'
    await this.node.start()
  }

  async stop(): Promise<void> {
    this.#expect('stop', 'running')
    this.#state = 'stopped'
    await this.node.stop({ drainMs: 0 })
  }

  /** At this instant: what the device does after it, nobody sees. */
  crash(how: 'power' | 'kill'): void {
    this.#expect('crash', 'running', 'paused')
    const { node, home } = this
    this.#incarnation++
    if (how === 'power') copySynced(home, this.home)
    else copyWritten(home, this.home)
    if (how === 'power') this.#endpoint.vanish()
    else this.#endpoint.kill()
    this.#state = 'crashed'
    this.#clock.thaw()
    this.#ending.push(
      node
        .stop({ drainMs: 0 })
        .catch(() => {})
        .then(() => rm(home, { recursive: true, force: true }))
    )
  }

  /** A new node from what the disk holds; running when this resolves. */
  async restart(onMade: (host: Host) => void): Promise<void> {
    this.#expect('restart', 'crashed', 'stopped')
    if (this.#state === 'stopped') await this.node.stop()
    this.#state = 'made'
    this.#clock = this.#clock.successor()
    this.#endpoint = this.#init.network.attach(this.name)
    await this.make()
    onMade(this)
    await this.start()
  }

  pause(): void {
    this.#expect('pause', 'running')
    this.#state = 'paused'
    this.#clock.freeze()
    this.#endpoint.freeze()
  }

  resume(): void {
    this.#expect('resume', 'paused')
    this.#state = 'running'
    this.#clock.thaw()
    this.#endpoint.thaw()
  }

  /** Its databases cannot grow any more: SQLite says that the disk is full, and the node hears it from SQLite. */
  fillDisk(full: boolean): void {
    this.#expect('fill the disk of', 'made', 'running', 'paused')
    this.node.home.refuseGrowth(full)
  }

  /** Ends for good; whatever state it is in. */
  async end(): Promise<void> {
    if (this.#state === 'paused') this.resume()
    await this.#node?.stop({ drainMs: 0 })
    await Promise.all(this.#ending)
  }

  #expect(what: string, ...states: HostState[]): void {
    if (!states.includes(this.#state)) throw new Error(`Cannot ${what} ${this.name}: it is ${this.#state}.`)
  }
}
