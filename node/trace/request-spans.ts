/**
 * What becomes of a request, as spans: `lumos.request` where it is asked, `lumos.attempt` below it for each device that was
 * asked, and `lumos.serve` at the device that answers. They hold names and times, never what was asked or answered.
 *
 * Outside of a span of the program, a request is in the trace of its client, else in the one that its id names, so both
 * devices are in one trace.
 */

import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace
} from '@opentelemetry/api'
import type { Clock } from '../../interface/clock.ts'
import type { EventData } from '../../interface/events.ts'
import type { RoutedRequest } from '../../interface/routing.ts'
import { traceIdsOf } from '../../interface/trace-ids.ts'
import { VERSION } from '../version.ts'

/** Spans under way; more requests at once than that have none. */
const SPANS_MAX = 1024

export interface SpanComponents {
  readonly clock: Clock
  /** How a request found its devices. */
  explained(requestId: string): RoutedRequest | undefined
}

interface Open {
  readonly span: Span
  /** For spans below it. */
  readonly within: Context
  readonly startedAtMs: number
}

interface About {
  readonly requestId: string
  readonly task: string
  readonly model?: string | undefined
  readonly traceId?: string | undefined
}

export class RequestSpans {
  readonly #components: SpanComponents
  readonly #tracer = trace.getTracer('lumos-node', VERSION)
  readonly #open = new Map<string, Open>()

  constructor(components: SpanComponents) {
    this.#components = components
  }

  started(about: EventData<'inference.request_started'>): void {
    // The event is emitted in the context of the program that asks.
    const active = context.active()
    const parent = trace.getSpan(active) === undefined ? traceOf(about) : active
    this.#begin(about.requestId, 'lumos.request', SpanKind.CLIENT, parent, attributesOf(about))
  }

  completed({ requestId, peerId, route }: EventData<'inference.request_completed'>): void {
    this.#attempts(requestId)
    this.#end(requestId, undefined, { 'lumos.peer': peerId, 'lumos.route': route })
  }

  failed({ requestId, code }: EventData<'inference.request_failed'>): void {
    this.#attempts(requestId)
    this.#end(requestId, code)
  }

  servingStarted({ peerId, ...about }: EventData<'inference.serving_started'>): void {
    const attributes = { ...attributesOf(about), 'lumos.peer': peerId }
    const parent = traceOf(about)
    this.#begin(`${peerId} ${about.requestId}`, 'lumos.serve', SpanKind.SERVER, parent, attributes)
  }

  servingEnded({ peerId, requestId, code }: EventData<'inference.serving_ended'>): void {
    this.#end(`${peerId} ${requestId}`, code)
  }

  #begin(key: string, name: string, kind: SpanKind, parent: Context, attributes: Attributes): void {
    if (this.#open.size >= SPANS_MAX || this.#open.has(key)) return
    const startedAtMs = this.#components.clock.wallMs()
    const span = this.#tracer.startSpan(name, { kind, attributes, startTime: startedAtMs }, parent)
    this.#open.set(key, { span, within: trace.setSpan(parent, span), startedAtMs })
  }

  #end(key: string, code: string | undefined, attributes: Attributes = {}): void {
    const open = this.#open.get(key)
    if (open === undefined) return
    this.#open.delete(key)
    open.span.setAttributes(attributes)
    finish(open.span, code, this.#components.clock.wallMs())
  }

  /** They are known once the request is over. */
  #attempts(requestId: string): void {
    const open = this.#open.get(requestId)
    if (open === undefined) return
    for (const one of this.#components.explained(requestId)?.attempts ?? []) {
      const attributes = { 'lumos.peer': one.peerId, 'lumos.chunks': one.chunks }
      const startTime = open.startedAtMs + one.startedMs
      const options = { kind: SpanKind.CLIENT, attributes, startTime }
      const span = this.#tracer.startSpan('lumos.attempt', options, open.within)
      const endMs = one.endedMs === null ? this.#components.clock.wallMs() : open.startedAtMs + one.endedMs
      const failure = one.outcome === null || one.outcome === 'answered' ? undefined : one.outcome
      finish(span, failure, Math.max(startTime, endMs))
    }
  }
}

function finish(span: Span, code: string | undefined, endMs: number): void {
  if (code !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: code })
  span.end(endMs)
}

const attributesOf = ({ requestId, task, model }: About): Attributes => ({
  ...{ 'lumos.correlation_id': requestId, 'lumos.task': task },
  ...(model !== undefined && { 'lumos.model': model })
})

/** The trace of the client, else the one that follows from the id of the request: both devices know both. */
function traceOf({ requestId, traceId }: About): Context {
  const spanContext: SpanContext = {
    ...traceIdsOf(requestId),
    ...(traceId !== undefined && { traceId }),
    ...{ traceFlags: TraceFlags.SAMPLED, isRemote: true }
  }
  return trace.setSpanContext(ROOT_CONTEXT, spanContext)
}
