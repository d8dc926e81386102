/** A running node, as its own process and tests see it. `create-node` makes the parts of the node, `mesh/compose` those of a mesh. */

import { engineSandbox } from '../capabilities/index.ts'
import type { Timer } from '../interface/clock.ts'
import { LumosError, toLumosError } from '../interface/errors.ts'
import type { InferenceChunk } from '../interface/inference.ts'
import type { Lifecycle } from '../interface/lifecycle.ts'
import type { Access } from '../interface/membership.ts'
import type { LumosMesh } from '../interface/mesh.ts'
import type {
  EngineSandbox,
  InferOptions,
  LeftOut,
  LumosNode,
  ModelInfo,
  NewInferenceRequest,
  NodeStatus,
  Offering,
  PeerInfo,
  RankedPeer
} from '../interface/node.ts'
import { closestNames } from '../interface/suggest.ts'
import type { DataDir } from '../storage/home/data-dir.ts'
import type { StoredMesh } from '../storage/mesh/mesh-store.ts'
import type { EventBus } from './events/event-bus.ts'
import type { Jobs } from './jobs/jobs.ts'
import type { Grant } from './membership/authority.ts'
import { composeMesh } from './mesh/compose.ts'
import type { MeshSession, NodeContext } from './mesh/context.ts'
import { type EnterOptions, MeshControl } from './mesh/mesh-control.ts'
import type { PeerAddress } from './pairing/join-client.ts'
import type { Config } from './settings/config.ts'
import { VERSION } from './version.ts'

/** Requests under way get this long to end when a node stops. */
const DRAIN_MS = 10_000

/** A mesh that cannot be started is tried again after this time, doubled each time: a port may still be in use. */
const CONNECT_RETRY_MS = 500
const CONNECT_RETRY_MS_MAX = 60_000
/** Whoever waits for it hears of the failure after as many tries, in about two seconds. */
const CONNECT_TRIES_AWAITED = 3

/** What the programs around a node need of its home. */
export type NodeHome = Pick<
  DataDir,
  'path' | 'logDir' | 'socketPath' | 'tokenPath' | 'gatewayToken' | 'writeRunFile' | 'refuseGrowth'
>

type State = 'new' | 'starting' | 'running' | 'stopping' | 'stopped'

export class MeshNode implements LumosNode {
  readonly events: EventBus
  readonly jobs: Jobs
  readonly mesh: LumosMesh
  #ground: NodeContext
  readonly #closeHome: () => Promise<void>
  #mesh: MeshSession
  #state: State = 'new'
  #startedAtMs = 0
  /** Parts that were started, and must be stopped. */
  #begun: Lifecycle[] = []
  #own = 0
  #entering: Promise<void> = Promise.resolve()
  #retry: Timer | undefined
  #stopping: Promise<void> | undefined

  constructor(
    ground: NodeContext,
    facets: Pick<MeshNode, 'events' | 'jobs'>,
    mesh: MeshSession,
    closeHome: () => Promise<void>
  ) {
    this.#ground = ground
    this.#mesh = mesh
    this.#closeHome = closeHome
    this.events = facets.events
    this.jobs = facets.jobs
    this.mesh = new MeshControl({
      ground: () => this.#ground,
      current: () => this.#mesh,
      enter: (own, options) => this.enter(own, options)
    })
  }

  get peerId(): string {
    return this.#ground.peerId
  }

  get name(): string {
    return this.mesh.info().deviceName
  }

  get config(): Config {
    return this.#ground.config
  }

  get home(): NodeHome {
    return this.#ground.home
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error(`A node that is ${this.#state} cannot start.`)
    this.#state = 'starting'
    const { registry, clock } = this.#ground
    try {
      registry.start()
      await this.#begin(this.#mesh)
    } catch (thrown) {
      await this.stop({ drainMs: 0 })
      throw thrown
    }
    this.#startedAtMs = clock.monotonicMs()
    this.#state = 'running'
    this.jobs.start()
  }

  stop({ drainMs = DRAIN_MS }: { drainMs?: number } = {}): Promise<void> {
    this.#stopping ??= this.#stop(drainMs)
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop({ drainMs: 0 })
  }

  async *infer(request: NewInferenceRequest, options?: InferOptions): AsyncGenerator<InferenceChunk> {
    if (this.#state !== 'running') {
      throw new LumosError('NODE_NOT_RUNNING', `This node is ${this.#state}.`)
    }
    this.#own++
    try {
      yield* this.#mesh.router.infer(request, options)
    } finally {
      this.#own--
    }
  }

  explain(wanted: Pick<NewInferenceRequest, 'task' | 'model'>, options?: InferOptions): RankedPeer[] {
    return this.#mesh.router.explain(wanted, options).map(({ candidate, costMs, parts }) => {
      const { peerId, name, local, capability } = candidate
      const { task, model } = capability
      return { peerId, name, route: local ? 'local' : 'remote', task, model, costMs, parts: [...parts] }
    })
  }

  peers(): PeerInfo[] {
    return this.#mesh.peers.list()
  }

  models(): ModelInfo[] {
    const byKey = new Map<string, ModelInfo>()
    for (const { peerId, name, local, capability } of this.#mesh.offers()) {
      const { model, task, slots, warm } = capability
      const key = `${model} ${task}`
      const info = byKey.get(key) ?? { model, task, providers: [] }
      const provider = { peerId, name, route: local ? ('local' as const) : ('remote' as const), slots, warm }
      info.providers.push(local ? { ...provider, offeredTo: this.#mesh.access.to(model) ?? null } : provider)
      byKey.set(key, info)
    }
    return [...byKey.values()].sort((a, b) => (a.model + a.task < b.model + b.task ? -1 : 1))
  }

  leftOut(): LeftOut[] {
    const { catalogue, registry } = this.#ground
    return [...catalogue.leftOut, ...registry.failed()]
  }

  offer(model: string, to: Access): Offering {
    this.#mustHave(model)
    const peers = to === 'everyone' ? undefined : to.peers?.map(peer => this.mesh.member(peer).peerId)
    const offeredTo = to === 'everyone' ? to : { ...to, ...(peers && { peers }) }
    this.#mesh.access.offer(model, offeredTo)
    this.#mesh.accessChanged()
    return { model, offeredTo }
  }

  withdraw(model: string): Offering {
    this.#mustHave(model)
    this.#mesh.access.withdraw(model)
    this.#mesh.accessChanged()
    return { model, offeredTo: null }
  }

  status(): NodeStatus {
    const { clock, hardware, home, registry, peerId } = this.#ground
    const { libp2p, members, peers } = this.#mesh
    const connections = libp2p.getConnections()
    return {
      peerId,
      name: this.name,
      version: VERSION,
      mesh: members.meshName,
      meshId: members.mesh,
      uptimeS: (clock.monotonicMs() - this.#startedAtMs) / 1000,
      addresses: libp2p.getMultiaddrs().map(String),
      peers: peers.count,
      connections: connections.length,
      streams: connections.reduce((sum, { streams }) => sum + streams.length, 0),
      requests: { own: this.#own, ...this.#served() },
      memoryBytes: process.memoryUsage.rss() + registry.memoryBytes(),
      storage: STORAGE_STATES[home.failure?.code ?? ''] ?? 'ok',
      hardware
    }
  }

  sandbox(): Promise<EngineSandbox> {
    return engineSandbox()
  }

  /** The registry's models or their state changed. */
  offerChanged(): void {
    this.#mesh.offerChanged()
  }

  /** Make a device a member of this mesh: what it must hand to `enter`. Only admins can. */
  async admit(grant: Grant): Promise<StoredMesh> {
    return await this.#mesh.pairing.admit(grant.subject, grant.role, grant.name)
  }

  /** Leave the mesh this node is in, and take part in another one, whose admin said so. */
  async enter(own: StoredMesh, options: EnterOptions = {}): Promise<void> {
    this.#retry?.cancel()
    this.#entering = this.#entering.catch(() => {}).then(() => this.#enter(own, options))
    await this.#entering
  }

  async #enter(own: StoredMesh, { near, identity }: EnterOptions): Promise<void> {
    const running = this.#state === 'running'
    if (running) await this.#end()
    if (identity !== undefined) this.#ground = { ...this.#ground, ...identity }
    if (this.#ground.store.mesh()?.id !== own.id) this.#ground.offers.forgetOffered()
    this.#ground.store.enter(own)
    if (running) await this.#connect(own, near, 1)
    else this.#mesh = await composeMesh(this.#ground, own)
  }

  /**
   * Take part in the mesh that this node has just entered. It belongs there whether or not that works at once, so
   * it tries on, ever more slowly, until it works or the node stops.
   *
   * @throws {LumosError} why it did not work, once it is clear that it takes longer.
   */
  async #connect(own: StoredMesh, near: PeerAddress | undefined, tries: number): Promise<void> {
    try {
      const mesh = await composeMesh(this.#ground, own)
      this.#mesh = mesh
      if (this.#state === 'running') await this.#begin(mesh)
      if (this.#state === 'running' && near !== undefined) mesh.sighted(near)
    } catch (thrown) {
      const { clock, log } = this.#ground
      await this.#end()
      if (this.#state !== 'running') throw thrown
      const delayMs = Math.min(CONNECT_RETRY_MS * 2 ** (tries - 1), CONNECT_RETRY_MS_MAX)
      log.error({ err: thrown, tries, delayMs }, 'could not take part in the mesh; trying again')
      if (tries >= CONNECT_TRIES_AWAITED) {
        this.#retry = clock.setTimer(() => {
          this.#entering = this.#connect(own, near, tries + 1).catch(() => {})
        }, delayMs)
        throw notConnected(own.name, thrown)
      }
      await new Promise<void>(resolve => clock.setTimer(resolve, delayMs))
      if (this.#state === 'running') await this.#connect(own, near, tries + 1)
    }
  }

  /** @throws {LumosError} `MODEL_NOT_FOUND` */
  #mustHave(model: string): void {
    const own = this.#ground.registry.models().map(({ model: id }) => id)
    if (own.includes(model)) return
    const closest = closestNames(model, own)
    throw new LumosError('MODEL_NOT_FOUND', `This device has no model "${model}".`, {
      hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'See what it has: lumos-node models',
      details: { closest }
    })
  }

  async #begin(mesh: MeshSession): Promise<void> {
    for (const part of mesh.lifecycle) {
      this.#begun.push(part)
      await part.start?.()
    }
  }

  /** One part that cannot end must not keep the others, and the disk, open. */
  async #end(): Promise<void> {
    for (const { part, stop } of this.#begun.splice(0).reverse()) {
      await Promise.resolve(stop?.()).catch(err =>
        this.#ground.log.error({ part, err }, 'did not stop cleanly')
      )
    }
  }

  async #stop(drainMs: number): Promise<void> {
    const draining = this.#state === 'running'
    this.#state = 'stopping'
    this.#retry?.cancel()
    if (draining) await this.#drain(drainMs)
    await this.#entering.catch(() => {})
    await this.#end()
    await this.jobs.stop()
    await this.#ground.registry.stop()
    await this.#closeHome()
    this.events.close()
    this.#state = 'stopped'
  }

  /** Refuse what is new, and wait for what is under way, but not for long. */
  async #drain(drainMs: number): Promise<void> {
    const { clock } = this.#ground
    const serving = () => this.#served().running + this.#served().queued
    this.#mesh.refuseRequests()
    const endMs = clock.monotonicMs() + drainMs
    while (this.#own + serving() > 0 && clock.monotonicMs() < endMs) {
      await new Promise<void>(resolve => clock.setTimer(resolve, DRAIN_POLL_MS))
    }
  }

  /** What this node's engines do, and what waits for them. */
  #served(): { running: number; queued: number } {
    return this.#ground.registry.load()
  }
}

const notConnected = (mesh: string, cause: unknown): LumosError =>
  new LumosError(
    'INTERNAL',
    `This device belongs to "${mesh}" now, but cannot connect: ${toLumosError(cause).message.split('\n', 1)[0]}`,
    {
      hint: 'It tries again by itself. See why it fails: lumos-node doctor',
      cause
    }
  )

/** How often a stopping node looks whether it is done; a person does not notice it. */
const DRAIN_POLL_MS = 20

/** What the disk refuses, in a word. */
const STORAGE_STATES: Readonly<Record<string, NodeStatus['storage']>> = {
  STORE_FULL: 'full',
  STORE_FAILED: 'failing',
  STORE_DAMAGED: 'failing'
}
