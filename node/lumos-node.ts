/** A running node, as its own process and tests see it. `create-node` makes the parts of the node, `mesh/compose` those of a mesh. */

import { engineSandbox, type ModelState } from '../capabilities/index.ts'
import type { DiscoveryReport } from '../interface/discovery.ts'
import { LumosError } from '../interface/errors.ts'
import type { InferenceChunk } from '../interface/inference.ts'
import type { AbortOptions } from '../interface/lifecycle.ts'
import type { Access, Offering } from '../interface/membership.ts'
import type { LumosMesh } from '../interface/mesh.ts'
import type {
  EngineSandbox,
  FacetName,
  InferOptions,
  LeftOut,
  LumosNode,
  ModelInfo,
  NewInferenceRequest,
  OwnModel,
  PeerInfo
} from '../interface/node.ts'
import type { NodeProtocols } from '../interface/peer-protocol.ts'
import type { RankedPeer, RequestSummary, RoutedRequest } from '../interface/routing.ts'
import type { NodeStatus } from '../interface/status.ts'
import { storageStateOf } from './disk-watch.ts'
import type { EventBus } from './events/event-bus.ts'
import type { Jobs } from './jobs/jobs.ts'
import type { MeshSession, NodeContext } from './mesh/context.ts'
import { createMeshControl } from './mesh/control/index.ts'
import type { MeshSwitching } from './mesh/switching.ts'
import { listModels, mustBeOfferable } from './models/index.ts'
import { Deadline } from './network/deadline.ts'
import { UnderWay } from './under-way.ts'
import { VERSION } from './version.ts'

/** Requests under way get this long to end when a node stops. */
const DRAIN_MS = 10_000

type State = 'new' | 'starting' | 'running' | 'stopping' | 'stopped'

export interface MeshNodeComponents {
  readonly events: EventBus
  readonly jobs: Jobs
  readonly switching: MeshSwitching
  readonly protocols: NodeProtocols
}

/** `withFacets` adds what features bring. */
export class MeshNode implements Omit<LumosNode, FacetName> {
  readonly events: EventBus
  readonly jobs: Jobs
  readonly mesh: LumosMesh
  readonly protocols: NodeProtocols
  readonly #switching: MeshSwitching
  readonly #closeHome: () => Promise<void>
  /** Requests of this node's own programs. */
  readonly #own = new UnderWay()
  #state: State = 'new'
  #startedAtMs = 0
  #stopping: Promise<void> | undefined

  constructor({ events, jobs, switching, protocols }: MeshNodeComponents, closeHome: () => Promise<void>) {
    this.#switching = switching
    this.#closeHome = closeHome
    this.events = events
    this.jobs = jobs
    this.protocols = protocols
    this.mesh = createMeshControl(switching)
  }

  get peerId(): string {
    return this.#context.peerId
  }

  get name(): string {
    return this.mesh.info().deviceName
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error(`A node that is ${this.#state} cannot start.`)
    this.#state = 'starting'
    const { registry, clock } = this.#context
    try {
      registry.start()
      await this.#switching.start()
    } catch (thrown) {
      await this.stop({ drainMs: 0 })
      throw thrown
    }
    this.#startedAtMs = clock.monotonicMs()
    this.#state = 'running'
    this.jobs.start()
    registry.warmUp()
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
    this.#own.begin()
    try {
      const { router } = this.#session.routing
      yield* router.infer(await router.prepareSought(request, options), options)
    } finally {
      this.#own.end()
    }
  }

  explain(wanted: Pick<NewInferenceRequest, 'task' | 'model'>, options?: InferOptions): RankedPeer[] {
    return this.#session.routing.router.explain(wanted, options).map(({ candidate, costMs, parts }) => {
      const { peerId, name, local, capability } = candidate
      const { task, model, joulesPerToken } = capability
      const cost = { costMs, parts: [...parts], ...(joulesPerToken !== undefined && { joulesPerToken }) }
      return { peerId, name, route: local ? 'local' : 'remote', task, model, ...cost }
    })
  }

  explained(requestId: string): RoutedRequest | undefined {
    return this.#session.routing.router.decisions.get(requestId)
  }

  requests(): RequestSummary[] {
    return this.#session.routing.router.decisions.list()
  }

  peers(): PeerInfo[] {
    return this.#session.routing.peers.list()
  }

  models(): ModelInfo[] {
    return listModels({ ...this.#context, routing: this.#session.routing })
  }

  async loadModel(model: string, options?: AbortOptions): Promise<OwnModel> {
    return ownModel(await this.#context.registry.loadModel(model, options))
  }

  unloadModel(model: string): OwnModel {
    return ownModel(this.#context.registry.unloadModel(model))
  }

  leftOut(): LeftOut[] {
    const { catalogue, registry } = this.#context
    return [...catalogue.leftOut, ...registry.failed()]
  }

  offer(model: string, to: Access): Offering {
    mustBeOfferable(this.#context, model)
    const peers = to === 'everyone' ? undefined : to.peers?.map(peer => this.mesh.member(peer).peerId)
    const offeredTo = to === 'everyone' ? to : { ...to, ...(peers && { peers }) }
    this.#context.access.offer(model, offeredTo)
    this.#accessChanged()
    return { model, offeredTo }
  }

  withdraw(model: string): Offering {
    mustBeOfferable(this.#context, model)
    this.#context.access.withdraw(model)
    this.#accessChanged()
    return { model, offeredTo: null }
  }

  status(): NodeStatus {
    const { clock, hardware, home, registry, peerId } = this.#context
    const { libp2p, members, routing } = this.#session
    const connections = libp2p.getConnections()
    return {
      peerId,
      name: this.name,
      version: VERSION,
      mesh: members.own.name,
      meshId: members.mesh,
      uptimeS: (clock.monotonicMs() - this.#startedAtMs) / 1000,
      addresses: libp2p.getMultiaddrs().map(String),
      peers: routing.peers.count,
      connections: connections.length,
      streams: connections.reduce((sum, { streams }) => sum + streams.length, 0),
      requests: { own: this.#own.count, ...registry.load() },
      yielding: [...this.#context.serving.yielding],
      drained: this.#context.serving.isDrained,
      memoryBytes: process.memoryUsage.rss() + registry.memoryBytes(),
      storage: storageStateOf(home.failure?.code),
      hardware
    }
  }

  drain(isDrained = true): void {
    this.#context.serving.drain(isDrained)
  }

  discovery(): DiscoveryReport {
    return this.#session.discovery()
  }

  sandbox(): Promise<EngineSandbox> {
    return engineSandbox()
  }

  /** Peers that may not ask any more are cut off, and all are told. */
  #accessChanged(): void {
    this.#context.serving.recheck()
    this.#session.offerChanged()
  }

  async #stop(drainMs: number): Promise<void> {
    const draining = this.#state === 'running'
    this.#state = 'stopping'
    this.#switching.hold()
    if (draining) await this.#drain(drainMs)
    await this.#switching.stop()
    await this.jobs.stop()
    await this.#context.registry.stop()
    await this.#closeHome()
    this.events.close()
    this.#state = 'stopped'
  }

  /** Refuse what is new, and wait for what is under way, but not for long. */
  async #drain(drainMs: number): Promise<void> {
    const { clock, served } = this.#context
    this.#session.refuseRequests()
    if (drainMs === 0) return
    using deadline = new Deadline(clock, drainMs)
    await Promise.all([this.#own.whenIdle(deadline), served.whenIdle(deadline)]).catch(() => {})
  }

  get #context(): NodeContext {
    return this.#switching.context
  }

  get #session(): MeshSession {
    return this.#switching.session
  }
}

const ownModel = ({ model, phase, memoryBytes }: ModelState): OwnModel => ({
  model,
  state: phase,
  memoryBytes
})
