/** Counters and histograms of events: nothing is counted where it happens. */

import type { NodeEvents } from '../../interface/events.ts'
import { hasEnded } from '../../interface/jobs.ts'
import { Counter, Histogram, type LumosMetrics, OTHER } from '../../interface/metrics.ts'
import { weightBytes } from './weight-bytes.ts'

/** From an answer of a small model on this device to one that waits in a queue until its time is over. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
/** Models that have a series of their own in histograms: each has some twenty numbers for each of its tasks. */
const MODELS_MAX = 32

const PER_MODEL = ['task', 'model']
const PER_OUTCOME = ['task', 'outcome']

export function countEvents(events: Pick<NodeEvents, 'addEventListener'>): LumosMetrics {
  const families = [...inference(events), ...models(events), ...mesh(events), ...work(events)]
  return { families: () => families.map(({ family }) => family) }
}

type Events = Pick<NodeEvents, 'addEventListener'>

function inference(events: Events): (Counter | Histogram)[] {
  const requests = new Counter('lumos_requests_total', 'Requests of programs of this node that have ended.', [
    ...PER_OUTCOME,
    'route'
  ])
  const seconds = new Histogram(
    'lumos_request_duration_seconds',
    'From a request of this node to the end of its answer.',
    PER_MODEL,
    SECONDS
  )
  const first = new Histogram(
    'lumos_request_first_chunk_seconds',
    'From a request of this node to the first chunk of its answer.',
    PER_MODEL,
    SECONDS
  )
  const tokens = new Counter(
    'lumos_tokens_total',
    'Tokens of requests of this node, as the devices that answered state them.',
    [...PER_MODEL, 'direction']
  )
  const served = new Counter('lumos_served_requests_total', 'Requests of peers that have ended.', PER_OUTCOME)
  const servedSeconds = new Histogram(
    'lumos_served_duration_seconds',
    'From a request of a peer to the end of its answer.',
    PER_MODEL,
    SECONDS
  )
  const labelOf = cappedNames(MODELS_MAX)
  events.addEventListener('inference.request_completed', ({ detail }) => {
    const { task, route, durationMs, firstChunkMs, inputTokens = 0, outputTokens = 0 } = detail
    // A model has a series once it has answered: a name that does not exist makes none.
    const model = labelOf(detail.model)
    requests.add(1, task, 'ok', route)
    seconds.observe(durationMs / 1000, task, model)
    if (firstChunkMs !== undefined) first.observe(firstChunkMs / 1000, task, model)
    tokens.add(inputTokens, task, model, 'input')
    tokens.add(outputTokens, task, model, 'output')
  })
  events.addEventListener('inference.request_failed', ({ detail: { task, code } }) =>
    requests.add(1, task, code, 'none')
  )
  events.addEventListener('inference.serving_ended', ({ detail: { task, code, model, durationMs } }) => {
    served.add(1, task, code ?? 'ok')
    if (code === undefined) servedSeconds.observe(durationMs / 1000, task, labelOf(model))
  })
  return [requests, seconds, first, tokens, served, servedSeconds]
}

function models(events: Events): (Counter | Histogram)[] {
  const loads = new Counter('lumos_model_loads_total', 'Loads of models of this device.', ['outcome'])
  const seconds = new Histogram(
    'lumos_model_load_duration_seconds',
    'How long a model took to load.',
    [],
    SECONDS
  )
  const unloads = new Counter('lumos_model_unloads_total', 'Models that were unloaded, by why.', ['reason'])
  events.addEventListener('model.loaded', ({ detail: { durationMs } }) => {
    loads.add(1, 'ok')
    seconds.observe(durationMs / 1000)
  })
  events.addEventListener('model.failed', ({ detail: { code } }) => loads.add(1, code))
  events.addEventListener('model.unloaded', ({ detail: { reason } }) => unloads.add(1, reason))
  events.addEventListener('model.evicted', () => unloads.add(1, 'evicted'))
  return [loads, seconds, unloads]
}

function mesh(events: Events): Counter[] {
  const joined = new Counter('lumos_peers_joined_total', 'Peers that connected.')
  const left = new Counter('lumos_peers_left_total', 'Peers whose last connection has closed.')
  events.addEventListener('peer.joined', () => joined.add(1))
  events.addEventListener('peer.left', () => left.add(1))
  return [joined, left]
}

function work(events: Events): Counter[] {
  const jobs = new Counter('lumos_jobs_total', 'Jobs that have ended.', ['kind', 'state'])
  const weights = new Counter('lumos_weights_received_bytes_total', 'Bytes of weights that pulls got.', [
    'source'
  ])
  events.addEventListener('job.changed', ({ detail: { kind, state } }) => {
    if (hasEnded(state)) jobs.add(1, kind, state)
  })
  weightBytes(events, (source, bytes) => weights.add(bytes, source))
  return [jobs, weights]
}

/** The first names have labels of their own. */
function cappedNames(max: number): (name: string | undefined) => string {
  const names = new Set<string>()
  return name => {
    if (name === undefined) return OTHER
    if (names.size < max) names.add(name)
    return names.has(name) ? name : OTHER
  }
}
