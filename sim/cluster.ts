/**
 * Many real nodes in one process: everything of a node but the network card and
 * the power switch.
 *
 * Each has a home of its own and speaks through simulated links, with its real
 * encryption, muxer and protocols on top. Whatever is done to the cluster goes
 * through `inflict`, which writes it down, so that a run can be repeated.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../interface/clock.ts'
import type { LumosNode } from '../interface/node.ts'
import type { Fault, Schedule } from './faults/fault.ts'
import { Inflictor } from './faults/inflictor.ts'
import { Host, type HostOptions, hostName } from './host.ts'
import { type LinkModel, PERFECT } from './network/link-model.ts'
import { SimNetwork } from './network/network.ts'
import { forkRandom, pickSome } from './random.ts'

export interface ClusterOptions {
  readonly nodes: number
  readonly seed: number
  /** How many of the nodes before it each node knows when it starts. */
  readonly acquaintances: number
  /** What every link is like, unless a fault changes it. Default: perfect. */
  readonly link?: LinkModel
  /** Settings and models of each node, besides an echo engine. */
  readonly configure?: (index: number) => HostOptions
}

type Watcher = (node: LumosNode, host: Host) => void

export class Cluster implements AsyncDisposable {
  readonly seed: number
  readonly hosts: readonly Host[]
  readonly network: SimNetwork
  readonly #directory: string
  readonly #clock: Clock
  readonly #inflictor: Inflictor
  readonly #beganMs: number
  readonly #entries: { atMs: number; fault: Fault }[] = []
  readonly #watchers: Watcher[] = []

  private constructor(
    hosts: readonly Host[],
    parts: { seed: number; network: SimNetwork; directory: string; clock: Clock }
  ) {
    this.seed = parts.seed
    this.hosts = hosts
    this.network = parts.network
    this.#directory = parts.directory
    this.#clock = parts.clock
    this.#inflictor = new Inflictor(this, parts.clock)
    this.#beganMs = parts.clock.monotonicMs()
  }

  /** Made, not started: a scenario decides when each node appears. */
  static async create(options: ClusterOptions): Promise<Cluster> {
    const { nodes: count, seed, acquaintances, link = PERFECT, configure = () => ({}) } = options
    const directory = await mkdtemp(join(tmpdir(), 'lumos-sim-'))
    const network = new SimNetwork({ clock: systemClock, seed, model: link })
    const topology = forkRandom(seed, 'topology')
    const hosts = Array.from({ length: count }, (_, index) => {
      const known = pickSome(
        Array.from({ length: index }, (_, i) => hostName(i)),
        acquaintances,
        topology
      )
      return new Host({
        index,
        directory,
        seed,
        system: systemClock,
        network,
        known,
        options: configure(index)
      })
    })
    const cluster = new Cluster(hosts, { seed, network, directory, clock: systemClock })
    for (const host of hosts) {
      const node = await host.make()
      // The first has founded the mesh, and lets the others in.
      const founder = hosts[0]!.node
      if (host.index > 0) {
        await host.node.enter(await founder.admit({ subject: node.peerId, name: node.name, role: 'member' }))
      }
    }
    return cluster
  }

  /** The node of each host: the one that runs there now, or ran there last. */
  get nodes(): readonly LumosNode[] {
    return this.hosts.map(({ node }) => node)
  }

  /** Of those that run, neither paused nor dead. */
  get alive(): readonly LumosNode[] {
    return this.hosts.filter(({ state }) => state === 'running').map(({ node }) => node)
  }

  /** Milliseconds since the cluster was made. */
  get elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#beganMs
  }

  /** Do it, and write it down. Resolves when it is done: for a start, when the node runs. */
  async inflict(fault: Fault): Promise<void> {
    this.#entries.push({ atMs: Math.round(this.elapsedMs), fault })
    await this.#inflictor.inflict(fault)
  }

  /** All that was done so far. */
  get schedule(): Schedule {
    return { seed: this.seed, nodes: this.hosts.length, entries: [...this.#entries] }
  }

  /** Do all of `schedule`, each at its time. Resolves after the last. */
  async replay({ entries }: Schedule, signal: AbortSignal): Promise<void> {
    const under: Promise<void>[] = []
    for (const { atMs, fault } of entries) {
      await this.#until(atMs, signal)
      under.push(this.inflict(fault))
    }
    await Promise.all(under)
  }

  /** `watcher` is told of each node: of those there are now, and of each that a restart makes, before it starts. */
  watch(watcher: Watcher): void {
    this.#watchers.push(watcher)
    for (const host of this.hosts) watcher(host.node, host)
  }

  /** A host has another node. */
  remade(host: Host): void {
    for (const watcher of this.#watchers) watcher(host.node, host)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#inflictor.end()
    await Promise.all(this.hosts.map(host => host.end()))
    await rm(this.#directory, { recursive: true, force: true })
  }

  #until(atMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(resolve, Math.max(0, atMs - this.elapsedMs))
      signal.addEventListener('abort', () => {
        timer.cancel()
        reject(signal.reason)
      })
    })
  }
}
