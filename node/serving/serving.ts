/** Requests of peers, answered by this node's own models. */

import { OverloadedError, toLumosError } from '../../interface/errors.ts'
import type { Inference, InferenceRequest, PreparedRequest } from '../../interface/inference.ts'
import type { YieldReason } from '../../interface/status.ts'
import { INFERENCE_PROTOCOL, InferenceHandler } from '../../protocols/inference/index.ts'
import { INFERENCE_STREAMS_INBOUND_MAX } from '../../protocols/wire/limits.ts'
import type { Feature, MeshContext, NodeParts, Participation } from '../feature.ts'
import { EVERY_MEMBER, type ModelAccess } from '../membership/index.ts'
import type { Signing } from '../receipts/index.ts'
import type { OwnService } from '../routing/index.ts'
import type { UnderWay } from '../under-way.ts'
import type { YieldWatch } from './yield-watch.ts'
import { refusesOthers } from './yielding-core.ts'

/** A peer that is told this asks another one; by the time it returns this node is gone. */
const STOPPING_RETRY_AFTER_MS = 60_000

/** How long a device that yields does so at least; one that goes on earlier says so in its manifest. */
const YIELDING_RETRY_AFTER_MS = 30_000

const yielding = () =>
  new OverloadedError('This device serves its own user now (see serving.yield).', YIELDING_RETRY_AFTER_MS)

/** A person drains a device for minutes or hours; one that serves again says so in its manifest. */
const DRAINED_RETRY_AFTER_MS = 30_000

const drained = () => new OverloadedError('This device takes no requests now.', DRAINED_RETRY_AFTER_MS)

const stopping = () => new OverloadedError('This node is stopping.', STOPPING_RETRY_AFTER_MS)

/** Whether a device that does not yield itself could answer it. */
const isDoneElsewhere = (mesh: MeshContext, { task, model }: InferenceRequest): boolean =>
  mesh
    .providers(task, model)
    .some(({ peerId }) => peerId !== mesh.peerId && mesh.stated(peerId)?.yielding !== true)

export interface ServingComponents extends Pick<NodeParts, 'clock' | 'log' | 'emit'> {
  readonly registry: OwnService
  readonly signing: Signing
  readonly access: ModelAccess
  /** Says when this device yields to its user. Absent: it never does. */
  readonly watch?: YieldWatch
  /** Counts the requests that are being answered. */
  readonly served: UnderWay
}

export class Serving implements Feature {
  readonly name = 'inference'
  readonly #components: ServingComponents
  #recheck: (() => void) | undefined
  #changed: (() => void) | undefined
  #isDrained = false
  #service: Inference

  constructor(components: ServingComponents) {
    this.#components = components
    this.#service = components.signing.around(components.registry)
  }

  /** The models of this device for its own programs. */
  get own(): OwnService {
    const { registry, signing } = this.#components
    return { infer: signing.around(registry).infer, capabilities: which => registry.capabilities(which) }
  }

  /** Features that stand around what answers. Before a mesh is joined. */
  surround(around: (service: Inference) => Inference): void {
    this.#service = around(this.#service)
  }

  /** Why this device refuses requests of others now. */
  get yielding(): readonly YieldReason[] {
    return this.#components.watch?.reasons ?? []
  }

  /** What a manifest says of it: nothing while this device serves others. */
  get stated(): { readonly yielding?: true } {
    return this.yielding.length > 0 || this.#isDrained ? { yielding: true } : {}
  }

  get isDrained(): boolean {
    return this.#isDrained
  }

  /** Refuse requests of other devices, or no more. Those under way go on to their end. */
  drain(isDrained: boolean): void {
    if (isDrained === this.#isDrained) return
    this.#isDrained = isDrained
    this.#components.emit('node.drain_changed', { drained: isDrained })
    this.#changed?.()
  }

  /** A model is offered to other peers: requests of those that may not ask any more end. */
  recheck(): void {
    this.#recheck?.()
  }

  #mustServe(mesh: MeshContext, request: InferenceRequest): void {
    if (this.#isDrained) throw drained()
    if (refusesOthers(this.yielding, () => isDoneElsewhere(mesh, request))) throw yielding()
  }

  join(mesh: MeshContext): Participation {
    const { permit, members, manifestChanged } = mesh
    const { clock, log, access, served, emit, signing, watch } = this.#components
    signing.join(mesh)
    const service = this.#service
    const mayAsk = (peerId: string, request: InferenceRequest): void => {
      for (const to of access.for(request)) permit(peerId, { kind: 'ask', access: to })
    }
    const isGuest = (peerId = '') => members.get(peerId)?.role === 'guest'
    let draining = false
    const handedOver = new HandedOver()
    const handler = new InferenceHandler({
      service: {
        // Guests come and go: how long models stay loaded is not theirs to say.
        infer: (request, options) =>
          service.infer(isGuest(options?.askedBy) ? withoutKeepAlive(request) : request, options)
      },
      clock,
      log,
      authorize: (peerId, request) => {
        if (draining) throw stopping()
        if (!handedOver.has(peerId, request)) this.#mustServe(mesh, request)
        mayAsk(peerId, request)
      },
      onStarted(peerId, request) {
        served.begin()
        const { traceId } = request
        emit('inference.serving_started', { ...servedFor(peerId, request), ...(traceId && { traceId }) })
      },
      onEnded(peerId, request, durationMs, thrown) {
        served.end()
        const code = thrown === undefined ? undefined : toLumosError(thrown).code
        emit('inference.serving_ended', { ...servedFor(peerId, request), code, durationMs })
      }
    })
    this.#recheck = () => handler.recheck(mayAsk)
    this.#changed = manifestChanged
    if (watch !== undefined) {
      watch.onChange = reasons => {
        emit('node.yielding_changed', { reasons: [...reasons] })
        // First, so that those whose answers are handed over rank this device last.
        manifestChanged()
        handedOver.clear()
        if (reasons.length > 0) handler.handOver(yielding(), handedOver.add)
      }
    }
    return {
      protocols: [
        {
          ids: INFERENCE_PROTOCOL,
          // The members that a model is offered to are asked for at each request.
          openers: EVERY_MEMBER,
          inboundMax: INFERENCE_STREAMS_INBOUND_MAX,
          handle: handler.onStream
        }
      ],
      ...(watch && { start: () => watch.start() }),
      stop() {
        watch?.stop()
        handler.close()
      },
      refuse() {
        draining = true
        handler.handOver(stopping())
      }
    }
  }
}

/** Answers that other devices were to go on with. Where none can, this one does: its user waits for no lost answer. */
class HandedOver {
  readonly #known = new Set<string>()

  readonly add = (peerId: string, { id }: InferenceRequest): void => {
    this.#known.add(`${peerId} ${id}`)
  }

  has(peerId: string, { id, resume }: InferenceRequest): boolean {
    return resume !== undefined && this.#known.has(`${peerId} ${id}`)
  }

  clear(): void {
    this.#known.clear()
  }
}

const servedFor = (peerId: string, { id: requestId, task, model }: InferenceRequest) => ({
  peerId,
  requestId,
  task,
  model
})

const withoutKeepAlive = (request: PreparedRequest): PreparedRequest =>
  request.params.keepAlive === undefined
    ? request
    : { ...request, params: { ...request.params, keepAlive: undefined } }
