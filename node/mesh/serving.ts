/** What peers may ask of this node, and the handler that lets them. */

import { OverloadedError, toLumosError } from '../../interface/errors.ts'
import type { InferenceRequest } from '../../interface/inference.ts'
import { INFERENCE_PROTOCOL, InferenceHandler } from '../../protocols/inference/index.ts'
import { INFERENCE_STREAMS_INBOUND_MAX } from '../../protocols/wire/limits.ts'
import type { Participation } from '../feature.ts'
import { ModelAccess } from '../membership/model-access.ts'
import { EVERY_MEMBER } from '../membership/policy.ts'
import type { NodeContext } from './context.ts'
import type { Standing } from './standing.ts'

/** A peer that is told this asks another one; by the time it returns this node is gone. */
const STOPPING_RETRY_AFTER_MS = 60_000

export interface Serving extends Participation {
  readonly access: ModelAccess
  /** Ends what is under way for those who may not any more. */
  recheck(): void
}

export function composeServing(ground: NodeContext, { guard }: Standing): Serving {
  const { config, clock, log, registry, served, emit } = ground
  const access = new ModelAccess({
    settings: config.access,
    store: ground.offers,
    modelsFor: task =>
      registry.models().flatMap(({ model, tasks }) => (tasks.some(done => done === task) ? [model] : []))
  })
  const mayAsk = (peerId: string, request: InferenceRequest): void => {
    for (const to of access.for(request)) guard.check(peerId, { kind: 'ask', access: to })
  }
  let draining = false
  const handler = new InferenceHandler({
    service: registry,
    clock,
    log,
    authorize(peerId, request) {
      if (draining) throw new OverloadedError('This node is stopping.', STOPPING_RETRY_AFTER_MS)
      mayAsk(peerId, request)
    },
    onStarted(peerId, request) {
      served.begin()
      emit('inference.serving_started', servedFor(peerId, request))
    },
    onEnded(peerId, request, durationMs, thrown) {
      served.end()
      const code = thrown === undefined ? undefined : toLumosError(thrown).code
      emit('inference.serving_ended', { ...servedFor(peerId, request), code, durationMs })
    }
  })
  return {
    access,
    protocols: [
      {
        ids: INFERENCE_PROTOCOL,
        // The members that a model is offered to are asked for at each request.
        openers: EVERY_MEMBER,
        inboundMax: INFERENCE_STREAMS_INBOUND_MAX,
        handle: handler.onStream
      }
    ],
    stop: () => handler.close(),
    recheck: () => handler.recheck(mayAsk),
    refuse() {
      draining = true
    }
  }
}

const servedFor = (peerId: string, { id: requestId, task, model }: InferenceRequest) => ({
  peerId,
  requestId,
  task,
  model
})
