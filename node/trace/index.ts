/** Spans of requests for a program that has registered a tracer provider of OpenTelemetry. Others load nothing of it. */

import type { EventName, NodeEvents } from '../../interface/events.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { RequestSpans, SpanComponents } from './request-spans.ts'

/** Where the API of OpenTelemetry keeps what a program has registered: part of its contract between versions. */
const REGISTRY = Symbol.for('opentelemetry.js.api.1')

export interface TraceComponents extends SpanComponents {
  readonly log: Logger
  readonly events: Pick<NodeEvents, 'addEventListener'>
}

const isRegistered = (): boolean =>
  (globalThis as { [REGISTRY]?: { readonly trace?: unknown } })[REGISTRY]?.trace !== undefined

/** Requests that begin before the API has loaded have no spans: a program registers its provider before it makes a node. */
export function traceRequests(components: TraceComponents): void {
  let spans: RequestSpans | undefined
  let loading = false
  const load = async () => {
    loading = true
    try {
      const { RequestSpans } = await import('./request-spans.ts')
      spans = new RequestSpans(components)
    } catch (err) {
      components.log.warn({ err }, 'the API of OpenTelemetry could not be loaded')
    }
  }
  if (isRegistered()) void load()
  const on = <N extends EventName>(name: N, note: (spans: RequestSpans, data: never) => void) =>
    components.events.addEventListener(name, ({ detail }) => {
      if (spans !== undefined) note(spans, detail as never)
      else if (!loading && isRegistered()) void load()
    })
  on('inference.request_started', (to, data) => to.started(data))
  on('inference.request_completed', (to, data) => to.completed(data))
  on('inference.request_failed', (to, data) => to.failed(data))
  on('inference.serving_started', (to, data) => to.servingStarted(data))
  on('inference.serving_ended', (to, data) => to.servingEnded(data))
}
