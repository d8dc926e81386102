/**
 * Makes this node's part in one mesh: everything that ends when the node leaves
 * the mesh, and begins anew when it enters another one.
 */

import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Lifecycle, Startable } from '../../interface/lifecycle.ts'
import { SqliteDatastore } from '../../storage/database/datastore.ts'
import { ManifestLog } from '../../storage/mesh/manifest-log.ts'
import type { StoredMesh } from '../../storage/mesh/mesh-store.ts'
import { DiskWatch } from '../disk-watch.ts'
import { ProviderTable } from '../manifests/provider-table.ts'
import { Renewal } from '../membership/renewal.ts'
import { AddressBook } from '../network/address-book.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { JoinClient } from '../pairing/join-client.ts'
import { JoinService } from '../pairing/join-service.ts'
import { NearbyMeshes } from '../pairing/nearby-meshes.ts'
import { type Asking, composeAsking } from '../routing/asking.ts'
import type { MeshSession, NodeContext } from './context.ts'
import { discoveryReport } from './discovery-report.ts'
import { contextOf } from './feature-context.ts'
import { bareOf, composeMeetings, type Meetings } from './meetings.ts'
import { composeNetwork } from './network.ts'
import { composeNews, type News } from './news.ts'
import { Participations } from './participations.ts'
import { routingOf } from './routing.ts'
import { composeServing, type Serving } from './serving.ts'
import { composeStanding, type Standing } from './standing.ts'

export async function composeMesh(ground: NodeContext, own: StoredMesh): Promise<MeshSession> {
  const { home, clock, log, peerId } = ground
  const standing = composeStanding(ground, own, {
    hangUp: id =>
      void libp2p.hangUp(peerIdFromString(id)).catch(err => log.debug({ err }, 'could not hang up'))
  })
  const { members } = standing

  const manifestLog = new ManifestLog(home.core, home.cache, clock)
  const table = new ProviderTable(id => members.lastKnown(id)?.issuer)
  for (const accepted of manifestLog.all()) table.remember(accepted)
  const foreigners = new NearbyMeshes()
  const datastore = new SqliteDatastore(home.cache)
  const libp2p: MeshLibp2p = await composeNetwork(ground, standing, {
    mesh: own.id,
    datastore,
    table,
    onSighted(peer) {
      foreigners.saw({ peerId: peer.id.toString(), addresses: peer.multiaddrs.map(bareOf) })
      meetings.discovery.sighted(peer)
    }
  })

  const serving = composeServing(ground, standing)
  const asking = composeAsking(ground, { libp2p, members, table })
  const { peers, nameOf } = asking
  const news = composeNews(ground, standing, {
    mesh: own.id,
    libp2p,
    manifestLog,
    table,
    access: serving.access,
    nameOf,
    onHeardOf: id => peers.heardOf(id)
  })
  const joiner = new JoinClient({ libp2p, clock, peerId, sightedAt: id => foreigners.addressesOf(id) })
  const meetings = composeMeetings(ground, {
    own,
    libp2p,
    standing,
    news,
    onMember: met => participations.onMember(met),
    foreigners,
    isAsked: id => joiner.asked.has(id)
  })
  const { pairing, renewal } = composeAdmittance(ground, { libp2p, standing, meetings, news })
  const brought = { libp2p, standing, news, asking, pairing, serving }
  const participations = participationsOf(ground, own.id, brought)
  const disk = watchDisk(ground, datastore, news)
  await members.load()
  return sessionOf({
    ground,
    libp2p,
    standing,
    news,
    serving,
    asking,
    meetings,
    foreigners,
    joiner,
    pairing,
    renewal,
    participations,
    disk
  })
}

/** The features of a node, in the order in which they take up a member. */
function participationsOf(
  ground: NodeContext,
  mesh: string,
  parts: Pick<Parts, 'libp2p' | 'standing' | 'news' | 'asking' | 'pairing' | 'serving'>
): Participations {
  const { libp2p, standing, news, asking, pairing, serving } = parts
  const { log, features } = ground
  const context = contextOf(ground, mesh, libp2p, standing.members)
  return new Participations({ libp2p, guard: standing.guard, log, mesh }, [
    ['manifests', news.sync],
    ['routing', routingOf(log, libp2p, asking.peers)],
    ['revocations', news.revocations],
    ['pairing', pairing],
    ['inference', serving],
    ...features.map(feature => [feature.name, feature.join(context)] as const)
  ])
}

/** What the node uses of the parts. */
function sessionOf(parts: Parts): MeshSession {
  const { ground, libp2p, standing, news, serving, asking, meetings } = parts
  const { foreigners, joiner, pairing, participations } = parts
  const { members, authority } = standing
  return {
    lifecycle: lifecycleOf(parts),
    libp2p,
    members,
    authority,
    revocations: news.revocations,
    pairing,
    joiner,
    peers: asking.peers,
    router: asking.router,
    offers: () => asking.providers.offers({}),
    access: serving.access,
    accessChanged() {
      serving.recheck()
      news.announcer.changed()
    },
    discovery: () => discoveryReport(ground, { libp2p, members, foreigners }),
    sightings: () => foreigners.all(),
    isRemoved: () => members.standing(ground.peerId).kind === 'revoked',
    saidRemoved: () => [...meetings.saidRemoved],
    sighted: ({ peerId: id, addresses }) =>
      meetings.discovery.sighted({
        id: peerIdFromString(id),
        multiaddrs: addresses.map(address => multiaddr(address))
      }),
    greetAll: () => meetings.greeter.greetAll(),
    offerChanged: () => news.announcer.changed(),
    refuseRequests: () => participations.refuse()
  }
}

/** How devices come in, and how those that are in stay members. */
function composeAdmittance(
  { clock, log, store, peerId, emit }: NodeContext,
  {
    libp2p,
    standing: { members, authority },
    meetings: { greeter },
    news
  }: Pick<Parts, 'libp2p' | 'standing' | 'meetings' | 'news'>
): Pick<Parts, 'pairing' | 'renewal'> {
  const renewal = new Renewal({
    clock,
    log,
    members,
    authority,
    peerId,
    greetAll: () => greeter.greetAll(),
    onRenewed: () => news.announcer.changed()
  })
  const pairing = new JoinService({
    libp2p,
    clock,
    log,
    store,
    members,
    authority,
    peerId,
    emit,
    hold: (connection, timeoutMs) => greeter.hold(connection, timeoutMs)
  })
  return { pairing, renewal }
}

function watchDisk(
  { clock, log, home, store, emit }: NodeContext,
  datastore: SqliteDatastore,
  { announcer }: News
): DiskWatch {
  return new DiskWatch({
    clock,
    log,
    home,
    flush() {
      store.flush()
      datastore.flush()
    },
    onChange(failure) {
      emit('node.storage_changed', { code: failure?.code ?? null, message: failure?.message ?? null })
      // What could not be numbered could not be announced.
      if (failure === undefined) announcer.repeat()
    }
  })
}

interface Parts {
  readonly ground: NodeContext
  readonly libp2p: MeshLibp2p
  readonly standing: Standing
  readonly news: News
  readonly serving: Serving
  readonly asking: Asking
  readonly meetings: Meetings
  readonly foreigners: NearbyMeshes
  readonly joiner: JoinClient
  readonly pairing: JoinService
  readonly renewal: Renewal
  readonly participations: Participations
  readonly disk: DiskWatch
}

/** Peers may come as soon as libp2p listens, so all that meets them is ready before. */
function lifecycleOf(parts: Parts): Lifecycle[] {
  const { ground, libp2p, news, meetings, renewal, participations, disk } = parts
  const { guard } = parts.standing
  const addressBook = new AddressBook({ libp2p, log: ground.log, isMember: id => guard.isMember(id) })
  return [
    lifeOf('disk', disk),
    lifeOf('announcer', news.announcer),
    lifeOf('hello', meetings.greeter),
    lifeOf('renewal', renewal),
    ...participations.lifecycle(),
    lifeOf('network', libp2p),
    { part: 'gossip', start: () => participations.subscribe() },
    lifeOf('addresses', addressBook),
    lifeOf('discovery', meetings.discovery)
  ]
}

const lifeOf = (part: string, startable: Startable): Lifecycle => ({
  part,
  start: () => startable.start(),
  stop: () => startable.stop()
})
