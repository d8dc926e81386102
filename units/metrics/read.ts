/** What is read of a node when its metrics are asked for. */

import { type Family, gauge, type Labels } from '../../interface/metrics.ts'
import type { LumosNode } from '../../interface/node.ts'
import { EventLoopDelay } from './event-loop.ts'

/** Models with series of their own; the busiest devices have fewer. */
const MODELS_MAX = 64

type Node = Pick<LumosNode, 'status' | 'models' | 'jobs' | 'resource' | 'journal' | 'events' | 'peerId'>

/** Of `node`, and of this process. */
export function stateReader(node: Node): () => Family[] {
  const delay = new EventLoopDelay()
  return () => [...statusOf(node), ...modelsOf(node), ...jobsOf(node), ...eventsOf(node), ...processOf(delay)]
}

function statusOf(node: Node): Family[] {
  const status = node.status()
  const { running, queued, own } = status.requests
  const { pools } = node.resource.budget()
  return [
    gauge('lumos_build_info', 'The software of this node; always 1.', 1, {
      version: status.version,
      node: process.versions.node
    }),
    gauge('lumos_uptime_seconds', 'Since the node has started.', status.uptimeS),
    gauge('lumos_peers', 'Connected peers whose manifest is known.', status.peers),
    gauge('lumos_connections', 'Open connections to peers.', status.connections),
    gauge('lumos_streams', 'Streams over all connections.', status.streams),
    gauge('lumos_requests_own', 'Requests of programs of this node under way.', own),
    gauge('lumos_requests_running', 'Requests that engines of this node answer now.', running),
    gauge('lumos_requests_queued', 'Requests that wait for a slot of an engine.', queued),
    gauge(
      'lumos_yielding',
      '1 while requests of other devices are refused.',
      Number(status.yielding.length > 0)
    ),
    gauge(
      'lumos_storage_ok',
      '0 while the disk refuses what is to be stored.',
      Number(status.storage === 'ok')
    ),
    gauge('lumos_models_memory_limit_bytes', 'What all loaded models may take.', pools.models.limit),
    gauge('lumos_models_memory_bytes', 'What loaded models take.', pools.models.used),
    gauge('lumos_slots_memory_bytes', 'What slots keep free of models.', pools.slots.used)
  ]
}

function modelsOf(node: Node): Family[] {
  const own = node
    .models()
    .flatMap(({ model, providers }) => {
      const here = providers.find(provider => provider.peerId === node.peerId)
      return here === undefined ? [] : [{ labels: { model }, ...here }]
    })
    .slice(0, MODELS_MAX)
  const perModel = (name: string, help: string, value: (one: (typeof own)[number]) => number) =>
    gauges(
      name,
      help,
      own.map(one => [one.labels, value(one)] as const)
    )
  return [
    perModel('lumos_model_slots', 'Requests that a model answers at once.', ({ slots }) => slots),
    perModel('lumos_model_loaded', '1 while a model is in memory.', ({ warm }) => Number(warm)),
    perModel(
      'lumos_model_memory_bytes',
      'What a model takes when it is loaded, as measured or expected.',
      ({ memoryBytes }) => memoryBytes ?? 0
    )
  ]
}

function jobsOf({ jobs }: Node): Family[] {
  const byState = Map.groupBy(jobs.list(), ({ state }) => state)
  return [
    gauges(
      'lumos_jobs',
      'Jobs that the node knows, by state.',
      [...byState].map(([state, all]) => [{ state }, all.length] as const)
    )
  ]
}

function eventsOf({ events, journal }: Node): Family[] {
  const counter = (name: string, help: string, value: number) => ({
    ...gauge(name, help, value),
    type: 'counter' as const
  })
  return [
    counter('lumos_events_total', 'Events since the start of the node.', events.position.sequence),
    counter('lumos_events_lost_total', 'Events that are not on disk.', journal.lost)
  ]
}

function processOf(delay: EventLoopDelay): Family[] {
  const { user, system } = process.cpuUsage()
  const cpu = gauges('lumos_cpu_seconds_total', 'Time of processors that this process took.', [
    [{ mode: 'user' }, user / 1e6],
    [{ mode: 'system' }, system / 1e6]
  ])
  return [
    { ...cpu, type: 'counter' },
    gauge(
      'lumos_resident_memory_bytes',
      'Memory of this process, without its engines.',
      process.memoryUsage.rss()
    ),
    gauges(
      'lumos_event_loop_delay_seconds',
      'How late timers of this process ran since the last scrape; 0 at the first.',
      delay.read().map(([quantile, seconds]) => [{ at: `p${100 * quantile}` }, seconds] as const)
    )
  ]
}

const gauges = (name: string, help: string, values: readonly (readonly [Labels, number])[]): Family => ({
  ...{ name, help, type: 'gauge' },
  samples: values.map(([labels, value]) => ({ labels, value }))
})
