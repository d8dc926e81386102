/** A running node, as its own process and tests see it. The parts are made in `create-node`. */

import type { Clock } from '../interface/clock.ts'
import { LumosError } from '../interface/errors.ts'
import type { InferenceChunk } from '../interface/inference.ts'
import type { Logger } from '../interface/lifecycle.ts'
import type {
  InferOptions,
  LumosEventTarget,
  LumosNode,
  ModelInfo,
  NewInferenceRequest,
  NodeStatus,
  PeerInfo
} from '../interface/node.ts'
import type { DataDir } from '../storage/data-dir.ts'
import type { Config } from './config.ts'
import type { Candidate } from './rank.ts'

/** Requests under way get this long to end when a node stops. */
const DRAIN_MS = 10_000

export interface LumosNodeParts {
  readonly peerId: string
  readonly name: string
  readonly config: Config
  readonly home: NodeHome
  readonly clock: Clock
  readonly log: Logger
  readonly events: EventTarget
  /** In the order in which they start; they stop in the reverse. */
  readonly lifecycle: readonly Lifecycle[]
  /** Requests of others that this node is answering. */
  serving(): number
  refuseRequests(): void
  infer(request: NewInferenceRequest, options?: InferOptions): AsyncIterable<InferenceChunk>
  peers(): PeerInfo[]
  candidates(): Candidate[]
  status(uptimeS: number): NodeStatus
}

/** What the programs around a node need of its home. */
export type NodeHome = Pick<
  DataDir,
  'path' | 'logDir' | 'socketPath' | 'tokenPath' | 'gatewayToken' | 'writeRunFile'
>

/** A part with a life, named for the log. */
export interface Lifecycle {
  readonly part: string
  start?(): Promise<void> | void
  stop?(): Promise<void> | void
}

type State = 'new' | 'starting' | 'running' | 'stopping' | 'stopped'

export class MeshNode implements LumosNode {
  readonly #parts: LumosNodeParts
  #state: State = 'new'
  #startedAtMs = 0
  #begun: Lifecycle[] = []
  #own = 0
  #stopping: Promise<void> | undefined

  constructor(parts: LumosNodeParts) {
    this.#parts = parts
    // A part without `start` was there before and ends with the others.
    this.#begun = parts.lifecycle.filter(({ start }) => start === undefined)
  }

  get peerId(): string {
    return this.#parts.peerId
  }

  get name(): string {
    return this.#parts.name
  }

  get config(): Config {
    return this.#parts.config
  }

  get home(): NodeHome {
    return this.#parts.home
  }

  get events(): LumosEventTarget {
    return this.#parts.events as LumosEventTarget
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error(`A node that is ${this.#state} cannot start.`)
    this.#state = 'starting'
    try {
      for (const part of this.#parts.lifecycle) {
        if (part.start === undefined) continue
        this.#begun.push(part)
        await part.start()
      }
    } catch (thrown) {
      await this.stop({ drainMs: 0 })
      throw thrown
    }
    this.#startedAtMs = this.#parts.clock.monotonicMs()
    this.#state = 'running'
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
      yield* this.#parts.infer(request, options)
    } finally {
      this.#own--
    }
  }

  peers(): PeerInfo[] {
    return this.#parts.peers()
  }

  models(): ModelInfo[] {
    const byKey = new Map<string, ModelInfo>()
    for (const { peerId, name, local, capability } of this.#parts.candidates()) {
      const { model, task, slots, warm } = capability
      const key = `${model} ${task}`
      const info = byKey.get(key) ?? { model, task, providers: [] }
      info.providers.push({ peerId, name, route: local ? 'local' : 'remote', slots, warm })
      byKey.set(key, info)
    }
    return [...byKey.values()].sort((a, b) => (a.model + a.task < b.model + b.task ? -1 : 1))
  }

  status(): NodeStatus {
    const { clock, status } = this.#parts
    return status((clock.monotonicMs() - this.#startedAtMs) / 1000)
  }

  async #stop(drainMs: number): Promise<void> {
    const draining = this.#state === 'running'
    this.#state = 'stopping'
    if (draining) await this.#drain(drainMs)

    for (const { part, stop } of this.#begun.reverse()) {
      // One part that cannot end must not keep the others, and the disk, open.
      await Promise.resolve(stop?.()).catch(err =>
        this.#parts.log.error({ part, err }, 'did not stop cleanly')
      )
    }
    this.#state = 'stopped'
  }

  /** Refuse what is new, and wait for what is under way, but not for long. */
  async #drain(drainMs: number): Promise<void> {
    const { clock, refuseRequests, serving } = this.#parts
    refuseRequests()
    const endMs = clock.monotonicMs() + drainMs
    while (this.#own + serving() > 0 && clock.monotonicMs() < endMs) {
      await new Promise<void>(resolve => clock.setTimer(resolve, DRAIN_POLL_MS))
    }
  }
}

/** How often a stopping node looks whether it is done; a person does not notice it. */
const DRAIN_POLL_MS = 20
