/**
 * The peer API: a whole node as its own process, the gateway and a simulation
 * see it. What it tells about itself is a schema, so that HTTP and CLI derive
 * their output from here.
 */

import * as z from 'zod'
import type { Answers } from './answers.ts'
import type { Batch } from './batch.ts'
import type { LumosDevice } from './device.ts'
import type { DiscoveryReport } from './discovery.ts'
import type { LumosEngine } from './engines.ts'
import type { NodeEvents } from './events.ts'
import type { InferenceChunk, InferenceRequest } from './inference.ts'
import type { LumosJobs } from './jobs.ts'
import type { EventJournal } from './journal.ts'
import type { AbortOptions } from './lifecycle.ts'
import { Offered, Speed } from './manifest.ts'
import type { LumosMcp } from './mcp.ts'
import { Access, type Offering } from './membership.ts'
import type { Memory } from './memory.ts'
import type { LumosMesh } from './mesh.ts'
import type { LumosMetrics } from './metrics.ts'
import type { NodeProtocols } from './peer-protocol.ts'
import type { RemoteUnits } from './remote.ts'
import type { LumosResources } from './resources.ts'
import type { RankedPeer, RequestSummary, RoutedRequest, RoutingPolicy } from './routing.ts'
import type { Services } from './services.ts'
import type { NodeStatus } from './status.ts'
import type { TaskName } from './tasks/index.ts'
import type { Route } from './units.ts'
import type { Wake } from './wake.ts'
import type { Weights } from './weights.ts'

/**
 * What keeps an engine's process from what the node may do: a view of the system that holds its model only;
 * another user; or nothing.
 */
export const EngineSandbox = z.enum(['bubblewrap', 'user', 'none'])
export type EngineSandbox = z.infer<typeof EngineSandbox>

export const PeerInfo = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  /** How the connection runs, such as `tcp/tls`. */
  path: z.string(),
  address: z.string(),
  rttMs: z.number().nullable(),
  /** Null while this node holds no manifest of the peer, and so does not ask it. */
  software: z.string().nullable(),
  capabilities: z.array(Offered),
  /** Two homes were lately seen to use its key. */
  duplicated: z.boolean()
})
export type PeerInfo = z.infer<typeof PeerInfo>

/** Whether a model is in memory: `cold` is loaded by its first request, and `draining` is being unloaded. */
const ModelPhase = z.enum(['cold', 'loading', 'ready', 'draining'])

export const ModelInfo = z.strictObject({
  model: z.string(),
  task: z.string(),
  /** Form of its files, such as `onnx`, and their bytes: on this device, or as the first that offers it says. */
  format: z.string().nullable(),
  sizeBytes: z.int().nullable(),
  providers: z.array(
    z.strictObject({
      peerId: z.string(),
      name: z.string(),
      route: z.enum(['local', 'remote']),
      slots: z.int(),
      warm: z.boolean(),
      /** Of another device, what its manifest says: `ready` or `cold`; `asleep` where it is woken for a request. */
      state: z.enum([...ModelPhase.options, 'asleep']),
      /** What the model takes there when it is loaded, as measured or expected; null for other devices. */
      memoryBytes: z.number().nullable(),
      /** Tokens of a prompt and its answer together; null where there is no bound, or none is stated. */
      contextTokens: z.int().nullable(),
      /** Whether conversations with it may hold pictures, as far as the device knows. */
      takesImages: z.boolean(),
      /** Whether it hands on what it is asked to a server outside of the mesh. */
      leavesMesh: z.boolean(),
      /** What this node measured in its own requests lately; null where it made none. */
      firstChunkMs: z.number().nullable(),
      tokensPerSecond: z.number().nullable(),
      /** What its device measured of its own answers, and says; null before a few answers. */
      stated: Speed.nullable(),
      /** For this node's own: to whom it is offered; null when to nobody else. */
      offeredTo: Access.nullable().optional()
    })
  )
})
export type ModelInfo = z.infer<typeof ModelInfo>

/** A model of this node, after it was told to load or unload it. */
export const OwnModel = z.strictObject({
  model: z.string(),
  state: ModelPhase,
  /** What its engine takes now. */
  memoryBytes: z.int()
})
export type OwnModel = z.infer<typeof OwnModel>

/** A model of this node, or a folder of models, that is not served, and why. */
export const LeftOut = z.strictObject({
  /** Its path, or the setting that names it. */
  place: z.string(),
  /** Null until its id is known. */
  model: z.string().nullable(),
  code: z.string(),
  reason: z.string()
})
export type LeftOut = z.infer<typeof LeftOut>

/** A request as people and programs write it: what is left out is found in the mesh. */
export interface NewInferenceRequest {
  readonly id?: string
  /** At least one of `task` and `model` must be given. */
  readonly task?: TaskName
  readonly model?: string
  readonly input: unknown
  readonly params?: Readonly<Record<string, unknown>>
  readonly budgetMs?: number
}

export interface InferOptions extends AbortOptions, Pick<InferenceRequest, 'receipt' | 'unkept' | 'traceId'> {
  /** PeerId or name of the only peer that may answer. */
  readonly peer?: string
  /** By which policy it finds its device; that of the settings where it is absent. */
  readonly policy?: RoutingPolicy
  /** `none`: an answer that is cut ends there, and no other peer goes on with it. */
  readonly continuation?: 'none' | undefined
  /** What there is of the answer, from its first chunk on: it goes on after that, or throws `STREAM_INTERRUPTED`. */
  readonly after?: readonly InferenceChunk[]
  /** Called each time a peer is chosen, before its first chunk. */
  onRoute?(route: InferenceRoute): void
}

/** The peer that answers a request, and its model: the request itself may have left either open. */
export interface InferenceRoute extends Route {
  readonly task: TaskName
  readonly model: string
}

/** What features bring. */
export type FacetName =
  | 'engine'
  | 'weights'
  | 'services'
  | 'memory'
  | 'answers'
  | 'batch'
  | 'wake'
  | 'device'
  | 'resource'
  | 'journal'
  | 'metrics'
  | 'remote'
  | 'mcp'

export interface LumosNode extends AsyncDisposable {
  readonly peerId: string
  readonly name: string
  /** What happens here, as it happens and as far back as the node keeps it. */
  readonly events: NodeEvents
  /** The same on disk. */
  readonly journal: EventJournal
  readonly metrics: LumosMetrics
  /** Long work of this node, such as a check of its models. */
  readonly jobs: LumosJobs
  /** The engines of this device that open models on its disk. */
  readonly engine: LumosEngine
  readonly weights: Weights
  /** Names such as `clip` by which requests mean the model that this device has chosen. */
  readonly services: Services
  readonly wake: Wake
  /** What agents of this device remember, alone or with other devices. */
  readonly memory: Memory
  /** Answers that are kept for a while, so that a client may come back to them. */
  readonly answers: Answers
  /** The machine of this node: its parts, and how they are doing. */
  readonly device: LumosDevice
  /** The memory that models share, and what is kept free of them. */
  readonly resource: LumosResources
  /** Units of other devices. */
  readonly remote: RemoteUnits
  readonly mcp: LumosMcp
  /** The members of the mesh, and how devices come and go. */
  readonly mesh: LumosMesh
  readonly batch: Batch
  /** Protocols between peers that programs around the node bring. */
  readonly protocols: NodeProtocols

  start(): Promise<void>
  /** Stops taking requests, gives those under way `drainMs`, then ends. */
  stop(options?: { drainMs?: number }): Promise<void>

  /** Ask the mesh, this node included. See {@link Inference.infer}. */
  infer(request: NewInferenceRequest, options?: InferOptions): AsyncIterable<InferenceChunk>
  /** Whom a request for this task or model would be sent to, best first, and why. */
  explain(wanted: Pick<NewInferenceRequest, 'task' | 'model'>, options?: InferOptions): RankedPeer[]
  /** How one of the last thousand requests found its device; absent for one that is not known any more. */
  explained(requestId: string): RoutedRequest | undefined
  /** The last thousand requests of this node's programs, the newest first. */
  requests(): RequestSummary[]
  peers(): PeerInfo[]
  models(): ModelInfo[]
  /** What this node does not serve though its settings or its folders name it. Models come and go while it runs. */
  leftOut(): LeftOut[]
  /**
   * Offer one of this node's models to these from now on, also after a restart; it overrules the settings.
   *
   * @throws {LumosError} `MODEL_NOT_FOUND` when this node does not have it, `PEER_NOT_FOUND` for a peer that is no
   *   member. Peers may be named; they are kept by their PeerId.
   */
  offer(model: string, to: Access): Offering
  /**
   * Offer one of this node's models to no other device. Its owner may still use it, and what peers have under way ends.
   *
   * @throws {LumosError} `MODEL_NOT_FOUND`.
   */
  withdraw(model: string): Offering
  /**
   * Load one of this node's models, and wait for it. It is unloaded when it was not used for the time of
   * `models.keepAlive`.
   *
   * @throws {LumosError} `MODEL_NOT_FOUND`; `NO_CAPACITY` when there is no memory for it; or why it does not load.
   */
  loadModel(model: string, options?: AbortOptions): Promise<OwnModel>
  /**
   * Unload one of this node's models: at once, or when its requests have ended. The next request loads it again.
   *
   * @throws {LumosError} `MODEL_NOT_FOUND`.
   */
  unloadModel(model: string): OwnModel
  status(): NodeStatus
  /**
   * Refuse requests of other devices until it is called with false, or the node ends. Those under way go on, and this
   * device's own programs are answered as ever.
   */
  drain(isDrained?: boolean): void
  /** What discovery on the local network saw and did: links, sighted peers, and how dialing them ended. */
  discovery(): DiscoveryReport
  /** What engines of this node are kept from; found by a trial when it is first asked for. */
  sandbox(): Promise<EngineSandbox>
}
