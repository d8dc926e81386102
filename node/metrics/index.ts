/** What a node counts from its start, whether or not a program asks for it: its events, and the bytes of each protocol. */

import type { Family, LumosMetrics, ProtocolTraffic } from '../../interface/metrics.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { countEvents } from './counted.ts'

export const metrics: FeatureDeclaration<LumosMetrics> = {
  name: 'metrics',
  async create({ events }) {
    const counted = countEvents(events)
    let traffic = (): readonly ProtocolTraffic[] => []
    return {
      name: 'metrics',
      facet: { families: () => [...counted.families(), bytesOf(traffic())] },
      join(mesh) {
        traffic = mesh.traffic
        return {}
      }
    }
  }
}

/** In another mesh they begin at 0 again, as counters of a process do. */
const bytesOf = (traffic: readonly ProtocolTraffic[]): Family => ({
  name: 'lumos_protocol_bytes_total',
  help: 'Bytes of streams to and from peers, by protocol, without encryption and framing of the connection.',
  type: 'counter',
  samples: traffic.flatMap(({ protocol, received, sent }) => [
    { labels: { protocol, direction: 'in' }, value: received },
    { labels: { protocol, direction: 'out' }, value: sent }
  ])
})
