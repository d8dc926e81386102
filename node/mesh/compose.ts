/**
 * Makes this node's part in one mesh: everything that ends when the node leaves
 * the mesh, and begins anew when it enters another one.
 */

import type { PeerInfo } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Lifecycle, Startable } from '../../interface/lifecycle.ts'
import type { Manifest } from '../../interface/manifest.ts'
import { SqliteDatastore } from '../../storage/database/datastore.ts'
import type { StoredMesh } from '../../storage/mesh/mesh-store.ts'
import { DiskWatch } from '../disk-watch.ts'
import {
  composeManifests,
  knownManifests,
  type MeshManifests,
  type ProviderTable
} from '../manifests/index.ts'
import {
  clocksApart,
  composeHello,
  composeMembership,
  type MeshHello,
  type MeshMembership,
  Renewal,
  RevocationSync
} from '../membership/index.ts'
import { AddressBook } from '../network/address-book.ts'
import { Discovery } from '../network/discovery.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { manifestAddresses } from '../network/stated-addresses.ts'
import { composePairing, type MeshPairing, NearbyMeshes, sightingOf } from '../pairing/index.ts'
import { composeRouting, type MeshRouting } from '../routing/index.ts'
import type { MeshSession, NodeContext } from './context.ts'
import { discoveryReport } from './discovery-report.ts'
import { contextOf } from './feature-context.ts'
import { composeFinding, type Finding } from './finding.ts'
import { composeNetwork } from './network.ts'
import { Participations } from './participations.ts'

export async function composeMesh(node: NodeContext, own: StoredMesh): Promise<MeshSession> {
  const { clock, random, log, home } = node
  const mesh = own.id
  const membership = composeMembership(node, own, {
    hangUp: id =>
      void libp2p.hangUp(peerIdFromString(id)).catch(err => log.debug({ err }, 'could not hang up'))
  })
  const { members, guard } = membership
  const known = knownManifests(node, membership)
  const nearby = new NearbyMeshes()
  const datastore = new SqliteDatastore(home.cache)
  const libp2p: MeshLibp2p = await composeNetwork(node, membership, {
    mesh,
    datastore,
    table: known.table,
    onSighted(peer) {
      nearby.saw(sightingOf(peer))
      discovery.sighted(peer)
    }
  })
  const shared = { mesh, libp2p, membership }
  const sayHello = (id: string) => hello.service.sayHello(id)
  const finding = composeFinding(node, { libp2p, table: known.table, sayHello })
  const ground = { ...shared, finding, datastore }
  const routing = composeRouting(
    { ...node, registry: node.serving.own },
    {
      ...{ libp2p, members, mesh, table: known.table, seek: finding.seek },
      isDuplicated: id => manifests.lives.isDuplicated(id),
      power: () => manifests.battery.stated,
      waker: () => participations.waker
    }
  )
  const manifests = composeManifests(node, {
    ...shared,
    ...known,
    nameOf: routing.nameOf,
    sayHello,
    parts: () => participations.manifestParts(),
    onAnnounced: () => finding.provide(participations.keys()),
    onHeardOf(manifest) {
      routing.peers.heardOf(manifest.peerId)
      participations.onManifest(manifest)
      if (node.config.swarm.dht) discovery.heardOf(whereaboutsOf(manifest, libp2p))
    }
  })
  const revocations = new RevocationSync({ libp2p, members, guard, clock, random, log })
  const pairing = composePairing(node, { ...shared, nearby, hold: (...held) => hello.service.hold(...held) })
  const hello = composeHello(node, {
    ...shared,
    revocations,
    manifest: () => manifests.announcer.current,
    onRenewed: () => manifests.announcer.changed(),
    async onMember(met) {
      await participations.onMember(met)
      const { remotePeer } = met.connection
      discovery.met(remotePeer)
      finding.met(remotePeer.toString())
    },
    onForeigner: pairing.onForeigner,
    isAsked: id => pairing.client.asked.has(id)
  })
  // A stranger of another mesh may have become a member of this one.
  const wants = (id: string) => (!nearby.has(id) || members.get(id) !== undefined) && !hello.refuses(id)
  const discovery = discoveryOf(node, libp2p, wants)
  const parts = { ...ground, table: known.table, manifests, revocations, routing, pairing, hello, discovery }
  const participations = participationsOf(node, parts)
  await members.load()
  return sessionOf(node, parts, participations)
}

const discoveryOf = (
  { clock, random, log, network }: NodeContext,
  libp2p: MeshLibp2p,
  wants: (peerId: string) => boolean
): Discovery =>
  new Discovery({
    ...{ libp2p, clock, random, log, wants },
    addresses: network.dial,
    report: network.report
  })

const whereaboutsOf = (manifest: Manifest, libp2p: MeshLibp2p): PeerInfo => ({
  id: peerIdFromString(manifest.peerId),
  multiaddrs: manifestAddresses(manifest, libp2p.getMultiaddrs())
})

interface Parts {
  readonly mesh: string
  readonly libp2p: MeshLibp2p
  readonly membership: MeshMembership
  readonly manifests: MeshManifests
  readonly revocations: RevocationSync
  readonly routing: MeshRouting
  readonly pairing: MeshPairing
  readonly hello: MeshHello
  readonly discovery: Discovery
  readonly finding: Finding
  readonly datastore: SqliteDatastore
  readonly table: ProviderTable
}

/** The features of a node, in the order in which they take up a member. */
function participationsOf(node: NodeContext, parts: Parts): Participations {
  const { mesh, libp2p, membership, manifests, routing, revocations, pairing } = parts
  const context = contextOf(node, mesh, parts)
  return new Participations({ libp2p, guard: membership.guard, log: node.log, mesh }, [
    ['manifests', manifests.sync],
    ['routing', routing.participation],
    ['revocations', revocations],
    ['pairing', pairing.service],
    ...node.features.map(feature => [feature.name, feature.join?.(context) ?? {}] as const)
  ])
}

/** What the node uses of the parts. */
function sessionOf(node: NodeContext, parts: Parts, participations: Participations): MeshSession {
  const { libp2p, membership, manifests, revocations, routing, pairing, hello, discovery, table } = parts
  const { members, authority } = membership
  return {
    lifecycle: lifecycleOf(node, parts, participations),
    libp2p,
    members,
    authority,
    revocations,
    pairing,
    routing,
    discovery: () => discoveryReport(node, { libp2p, members, nearby: pairing.nearby }),
    isRemoved: () => members.standing(node.peerId).kind === 'revoked',
    saidRemoved: () => [...hello.saidRemoved],
    isDuplicated: manifests.lives.isDuplicated,
    wasBehind: manifests.lives.wasBehind,
    clocksApart() {
      const others = members.list().filter(({ peerId }) => peerId !== node.peerId)
      const living = (id: string) => table.get(id, node.clock.monotonicMs())?.manifest
      return clocksApart(others, living, node.clock.wallMs())
    },
    sighted: ({ peerId: id, addresses }) =>
      discovery.sighted({
        id: peerIdFromString(id),
        multiaddrs: addresses.map(address => multiaddr(address))
      }),
    sayHelloToAll: () => hello.service.sayHelloToAll(),
    askForName: name => hello.askForName(name),
    offerChanged: () => manifests.announcer.changed(),
    refuseRequests: () => participations.refuse()
  }
}

/** Peers may come as soon as libp2p listens, so all that meets them is ready before. */
function lifecycleOf(node: NodeContext, parts: Parts, participations: Participations): Lifecycle[] {
  const { clock, log, peerId } = node
  const { libp2p, membership, manifests, hello, discovery, finding, datastore } = parts
  const { members, authority, guard } = membership
  const { announcer, battery } = manifests
  const renewal = new Renewal({
    clock,
    log,
    members,
    authority,
    peerId,
    sayHelloToAll: () => hello.service.sayHelloToAll(),
    onRenewed: () => announcer.changed()
  })
  return [
    lifeOf('disk', watchDisk(node, datastore, manifests)),
    lifeOf('battery', battery),
    lifeOf('announcer', announcer),
    lifeOf('hello', hello.service),
    lifeOf('renewal', renewal),
    ...participations.lifecycle(),
    lifeOf('network', libp2p),
    { part: 'finding', stop: () => finding.stop() },
    { part: 'gossip', start: () => participations.subscribe() },
    lifeOf('addresses', new AddressBook({ libp2p, log, isMember: id => guard.isMember(id) })),
    lifeOf('discovery', discovery)
  ]
}

function watchDisk(
  { clock, log, home, store, emit }: NodeContext,
  datastore: SqliteDatastore,
  { announcer }: MeshManifests
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

const lifeOf = (part: string, startable: Startable): Lifecycle => ({
  part,
  start: () => startable.start(),
  stop: () => startable.stop()
})
