/** The narrow view of one mesh that a feature gets. */

import { peerIdFromString } from '@libp2p/peer-id'
import { sealRecord } from '../../protocols/wire/signed-record.ts'
import type { MeshContext } from '../feature.ts'
import type { MeshManifests, ProviderTable } from '../manifests/index.ts'
import type { MeshMembership } from '../membership/index.ts'
import { topicOf } from '../network/gossip.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import type { MeshRouting } from '../routing/index.ts'
import type { NodeContext } from './context.ts'
import type { Finding } from './finding.ts'

export interface ContextParts {
  readonly libp2p: MeshLibp2p
  readonly membership: MeshMembership
  readonly manifests: MeshManifests
  readonly finding: Finding
  readonly routing: MeshRouting
  readonly table: ProviderTable
}

export const contextOf = (
  { peerId, privateKey, clock, random, log, emit, registry, network }: NodeContext,
  meshId: string,
  {
    libp2p,
    membership: { members, guard },
    manifests,
    finding,
    routing: { peers, providers, router },
    table
  }: ContextParts
): MeshContext => ({
  peerId,
  meshId,
  clock,
  random,
  log,
  members,
  privateKey,
  emit,
  stated: id => table.get(id, clock.monotonicMs())?.manifest,
  interfaces: () => network.device?.interfaces() ?? {},
  isConnected: id => libp2p.getConnections(peerIdFromString(id)).some(({ status }) => status === 'open'),
  traffic: () => libp2p.services.bytes.list(),
  manifestChanged: () => manifests.announcer.changed(),
  permit: (id, action) => guard.check(id, action),
  providers(task, model) {
    const offered = new Set(registry.capabilities({ offered: true }).map(one => one.model))
    const offers = providers.offers({ task, ...(model !== undefined && { model }) })
    if (!offers.some(({ wakeMs }) => wakeMs === undefined)) return []
    return (
      router
        .explain({ task, ...(model !== undefined && { model }) })
        // Work that no caller waits for wakes no device.
        .filter(({ candidate }) => candidate.wakeMs === undefined)
        .map(({ candidate: { peerId, capability } }) => ({
          ...{ peerId, model: capability.model },
          resumes: capability.resumes === true || capability.repeats === true
        }))
        .filter(one => one.peerId !== peerId || model !== undefined || offered.has(one.model))
    )
  },
  infer: (request, options) => router.infer(router.prepare(request), options),
  ask: (peer, request, options) => router.infer(router.prepare(request), { ...options, peer }),
  distrust: router.distrust,
  open: (id, protocols, options) => libp2p.dialProtocol(peers.placeOf(id), [...protocols], options),
  async connect(id, options) {
    await libp2p.dial(peers.placeOf(id), options)
  },
  seek: finding.seek,
  seal: async (kind, value) => (await sealRecord(kind, value, privateKey)).envelope,
  async publish(topic, message) {
    await libp2p.services.pubsub.publish(topicOf(meshId, topic), message)
  }
})
