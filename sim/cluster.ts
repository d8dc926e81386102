/**
 * Many real nodes in one process: everything of a node but the network card and
 * the power switch.
 *
 * Each has a home of its own and speaks through simulated links, with its real
 * encryption, muxer and protocols on top. Whatever is done to the cluster goes
 * through `inflict`, which writes it down, so that a run can be repeated.
 */

import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../interface/clock.ts'
import type { LumosNode } from '../interface/node.ts'
import type { Fault, Schedule } from './faults/fault.ts'
import { Inflictor } from './faults/inflictor.ts'
import { Host, type HostOptions, hostName } from './host.ts'
import type { Hostile } from './hostile/index.ts'
import { type LinkModel, PERFECT } from './network/link-model.ts'
import { SimNetwork } from './network/network.ts'
import { forkRandom, pickSome } from './random.ts'
import { shareVerification } from './shared-verification.ts'

export interface ClusterOptions {
  readonly nodes: number
  readonly seed: number
  /** How many of the nodes before it each node knows when it starts. */
  readonly acquaintances: number
  /** What every link is like, unless a fault changes it. Default: perfect. */
  readonly link?: LinkModel
  /**
   * How often each connection is asked whether it lives. Default: as on real devices while the cluster is
   * small; hundreds of nodes, which share one processor, would do nothing else.
   */
  readonly pingIntervalMs?: number
  /** Settings and models of each node, besides an echo engine. */
  readonly configure?: (index: number) => HostOptions
}

type Watcher = (node: LumosNode, host: Host) => void

export class Cluster implements AsyncDisposable {
  readonly seed: number
  readonly hosts: readonly Host[]
  readonly network: SimNetwork
  readonly directory: string
  /** Those that are there now. */
  readonly hostiles: Hostile[] = []
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
    this.directory = parts.directory
    this.#clock = parts.clock
    this.#inflictor = new Inflictor(this, parts.clock)
    this.#beganMs = parts.clock.monotonicMs()
  }

  /** Made, not started: a scenario decides when each node appears. */
  static async create(options: ClusterOptions): Promise<Cluster> {
    const { nodes: count, seed, acquaintances, link = PERFECT, configure = () => ({}) } = options
    const { pingIntervalMs = pingIntervalFor(count) } = options
    await shareVerification()
    const directory = await makeDirectory(count)
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
        pingIntervalMs,
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

  /**
   * Start every node that was not yet, in order and a few at a time: all at once, two hundred would have their handshakes
   * share one processor, and each would take longer than a handshake may.
   */
  async start(
    signal: AbortSignal,
    start = (node: number) => this.inflict({ kind: 'start', node })
  ): Promise<void> {
    const waiting = this.hosts.filter(({ state }) => state === 'made')
    const work = async () => {
      for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
        const met = meets(host.node, host.acquaintances, this.#clock, signal)
        await start(host.index)
        await met
      }
    }
    await Promise.all(Array.from({ length: STARTING_AT_ONCE }, work))
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
    await this.#inflictor.end()
    await Promise.all(this.hosts.map(host => host.end()))
    await rm(this.directory, { recursive: true, force: true })
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

/** A ping costs both sides together 2 ms, and each of up to sixteen connections a node has is pinged from both ends. */
const PING_INTERVAL_PER_NODE_MS = 250
const PING_INTERVAL_MS_MIN = 5000

/** At this interval pings take an eighth of a processor, however many nodes there are. */
const pingIntervalFor = (nodes: number): number =>
  Math.max(PING_INTERVAL_MS_MIN, nodes * PING_INTERVAL_PER_NODE_MS)

/** Each dials a few others, and what comes of a dial costs 50 ms of this processor; a handshake may take 5 s. */
const STARTING_AT_ONCE = 3
/** Over the worst link a first hello takes that long; who is cut off must not keep the others from starting. */
const MEETING_TIMEOUT_MS = 10_000

/** Resolves when as many peers have said hello, or after a while. */
function meets(node: LumosNode, count: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const met = new Set<string>()
  return new Promise((resolve, reject) => {
    const over = new AbortController()
    const end = () => {
      timer.cancel()
      over.abort()
      resolve()
    }
    const timer = clock.setTimer(end, MEETING_TIMEOUT_MS)
    const onJoined = ({ detail }: { detail: { peerId: string } }) => {
      met.add(detail.peerId)
      if (met.size >= count) end()
    }
    node.events.addEventListener('peer.joined', onJoined, { signal: over.signal })
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over.signal })
    if (count === 0) end()
  })
}

/** Linux keeps these files in memory. */
const MEMORY_DISK = '/dev/shm'
/** A home without models takes a third of it, and after a crash there are two. */
const HOME_BYTES = 2 * 1024 * 1024

/**
 * Where all homes are. In memory if there is room: each node syncs its disk for every member it comes to
 * know, and in one process all of them would wait for each of these nodes times nodes times 5 ms.
 */
async function makeDirectory(nodes: number): Promise<string> {
  const disk = await statfs(MEMORY_DISK).catch(() => undefined)
  const roomy = disk !== undefined && disk.bavail * disk.bsize > nodes * HOME_BYTES
  return await mkdtemp(join(roomy ? MEMORY_DISK : tmpdir(), 'lumos-sim-'))
}
