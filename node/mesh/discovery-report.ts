/** What discovery saw and did, with what this mesh knows of the peers that it sighted. */

import type { DiscoveryReport } from '../../interface/discovery.ts'
import type { Members } from '../membership/index.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import type { NearbyMeshes } from '../pairing/index.ts'
import type { NodeContext } from './context.ts'

interface Known {
  readonly libp2p: MeshLibp2p
  readonly members: Members
  readonly nearby: NearbyMeshes
}

export function discoveryReport(
  { clock, network: { report } }: Pick<NodeContext, 'clock' | 'network'>,
  { libp2p, members, nearby }: Known
): DiscoveryReport {
  if (report === undefined) return { mdns: false, links: [], sightings: [], copy: null }
  const nowMs = clock.monotonicMs()
  const { copy } = report
  const ago = (ms: number | null): number | null => (ms === null ? null : Math.round(nowMs - ms))
  const connected = new Set(libp2p.getConnections().map(({ remotePeer }) => remotePeer.toString()))
  const meshes = new Map(nearby.all().map(({ peerId, meshName }) => [peerId, meshName]))
  return {
    mdns: true,
    links: report.links.map(({ name, family, loopback, state, sentMs, heardMs, error }) => ({
      ...{ name, family, loopback, state, error },
      sentAgoMs: ago(sentMs),
      heardAgoMs: ago(heardMs)
    })),
    sightings: report.sightings().map(({ peerId, address, link, seenMs, dial }) => {
      const name = members.get(peerId)?.name ?? null
      return {
        ...{ peerId, name, address, link },
        mesh: name === null ? (meshes.get(peerId) ?? null) : null,
        seenAgoMs: ago(seenMs)!,
        connected: connected.has(peerId),
        dial: dial && { outcome: dial.outcome, agoMs: ago(dial.atMs)! }
      }
    }),
    copy: copy && { address: copy.address, link: copy.link, seenAgoMs: ago(copy.seenMs)! }
  }
}
