/**
 * Makes this node's part in one mesh: everything that ends when the node leaves
 * the mesh, and begins anew when it enters another one.
 */

import { randomUUID } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Registry } from '../capabilities/index.ts'
import type { Clock, Random } from '../interface/clock.ts'
import { LumosError, OverloadedError, toLumosError } from '../interface/errors.ts'
import type { EventData, EventName } from '../interface/events.ts'
import type { InferenceRequest } from '../interface/inference.ts'
import { ADDRESSES_MAX, type Hardware } from '../interface/manifest.ts'
import { HELLO_PROTOCOL } from '../protocols/hello/index.ts'
import { INFERENCE_PROTOCOL, InferenceHandler } from '../protocols/inference/index.ts'
import { JOIN_PROTOCOL } from '../protocols/join/index.ts'
import { INFERENCE_STREAMS_INBOUND_MAX } from '../protocols/limits.ts'
import type { DataDir } from '../storage/data-dir.ts'
import { SqliteDatastore } from '../storage/datastore.ts'
import { ManifestLog } from '../storage/manifest-log.ts'
import type { MeshStore, StoredMesh } from '../storage/mesh-store.ts'
import type { OfferStore } from '../storage/offer-store.ts'
import { AddressBook } from './address-book.ts'
import { Announcer } from './announcer.ts'
import type { Config } from './config.ts'
import { Discovery } from './discovery.ts'
import { DiskWatch } from './disk-watch.ts'
import { GossipBudget } from './gossip-budget.ts'
import { type Greeted, Greeter } from './greeter.ts'
import { createMeshLibp2p, type MeshLibp2p, type Network } from './libp2p.ts'
import type { NodeLogger } from './log.ts'
import { libp2pLogger } from './log-libp2p.ts'
import type { Lifecycle } from './lumos-node.ts'
import { manifestAddresses } from './manifest-addresses.ts'
import { ManifestSync } from './manifest-sync.ts'
import { Authority } from './membership/authority.ts'
import { Bans, FLOODING, FORGERY, LOITERING } from './membership/bans.ts'
import { CLOCK_SKEW_NOTED_MS, isWithinLeeway } from './membership/chain.ts'
import { Duplicates } from './membership/duplicates.ts'
import { Guard } from './membership/guard.ts'
import { type Door, Joiner } from './membership/joiner.ts'
import { Members } from './membership/members.ts'
import { type MeshSighting, Sightings } from './membership/nearby.ts'
import { Offers } from './membership/offers.ts'
import { Pairing } from './membership/pairing.ts'
import { Reception } from './membership/reception.ts'
import { Renewal } from './membership/renewal.ts'
import { RevocationSync } from './membership/revocation-sync.ts'
import type { RootKey } from './membership/root-key.ts'
import { Peers } from './peers.ts'
import { ProviderTable } from './provider-table.ts'
import type { Offer } from './rank.ts'
import { Router } from './router.ts'
import { VERSION } from './version.ts'

/** The key of this device, and its name. */
export interface Identity {
  readonly peerId: string
  readonly privateKey: PrivateKey
}

/** What a node has whatever mesh it is in. */
export interface Ground extends Identity {
  readonly config: Config
  readonly home: DataDir
  readonly clock: Clock
  readonly random: Random
  readonly log: NodeLogger
  readonly hardware: Hardware
  readonly registry: Registry
  readonly network: Network
  readonly store: MeshStore
  readonly offers: OfferStore
  readonly root: RootKey
  /** Make another key in place of the present one, for good. */
  newIdentity(): Promise<Identity>
  emit<N extends EventName>(name: N, data: EventData<N>): void
}

/** One mesh as this node takes part in it. */
export interface Mesh {
  /** In the order in which the parts start; they stop in the reverse. */
  readonly lifecycle: readonly Lifecycle[]
  readonly libp2p: MeshLibp2p
  readonly members: Members
  readonly authority: Authority
  readonly revocations: RevocationSync
  readonly pairing: Pairing
  readonly joiner: Joiner
  readonly peers: Peers
  readonly router: Router
  offers(): Offer[]
  /** To whom this node's own models are offered. */
  readonly access: Offers
  /** That has just changed: what is under way for those who may not any more ends, and peers are told. */
  accessChanged(): void
  /** Devices of other meshes that were met. */
  sightings(): MeshSighting[]
  /** This device was removed from the mesh, as far as it has heard. */
  isRemoved(): boolean
  /** Somebody is likely to be there. */
  sighted(door: Door): void
  /** Say hello once more to everyone who is connected. */
  greetAll(): Promise<void>
  /** This node's models or their state changed. */
  offerChanged(): void
  /** Peers are told to ask somebody else from now on. */
  refuseRequests(): void
}

/** A peer that is told this asks another one; by the time it returns this node is gone. */
const STOPPING_RETRY_AFTER_MS = 60_000

export async function composeMesh(ground: Ground, own: StoredMesh): Promise<Mesh> {
  const { config, home, clock, random, log, hardware, registry, peerId, privateKey, store, root, emit } =
    ground

  const members = new Members(own, {
    store,
    clock,
    peerId,
    onRevoked: id =>
      void libp2p.hangUp(peerIdFromString(id)).catch(err => log.debug({ err }, 'could not hang up')),
    onJoined: ({ peerId: id, name, role }) => emit('mesh.member_joined', { peerId: id, name, role }),
    onRenamed: name => emit('mesh.renamed', { mesh: name }),
    onRemoved: (id, name) => emit('mesh.member_revoked', { peerId: id, name })
  })
  const bans = new Bans(FORGERY, clock)
  const loiterers = new Bans(LOITERING, clock)
  const flooders = new Bans(FLOODING, clock)
  const guard = new Guard({
    clock,
    log,
    standing(id) {
      const standing = members.standing(id)
      // Whoever has become a member is not kept out for having knocked too often before.
      const loiters = standing.kind !== 'member' && loiterers.isBanned(id)
      return loiters || bans.isBanned(id) || flooders.isBanned(id) ? { kind: 'banned' } : standing
    },
    openToStrangers: () => (pairing.open ? [HELLO_PROTOCOL, JOIN_PROTOCOL] : [HELLO_PROTOCOL]),
    onTold: id => void loiterers.strike(id)
  })
  const authority = new Authority({
    clock,
    mesh: own.id,
    deviceKey: privateKey,
    get rootKey() {
      return root.of(own.id)
    },
    chain: () => members.chain,
    role: () => members.get(peerId)?.role,
    lastKnown: id => members.lastKnown(id)
  })
  const reception = new Reception({ clock, members, authority, peerId })

  const manifestLog = new ManifestLog(home.core, home.cache, clock)
  const table = new ProviderTable()
  for (const accepted of manifestLog.all()) table.remember(accepted)

  const foreigners = new Sightings()
  /** Members that turned this device away as one that was removed. Each may lie, so it counts for that one only. */
  const removedBy = new Set<string>()
  const datastore = new SqliteDatastore(home.cache)
  const libp2p: MeshLibp2p = await createMeshLibp2p({
    privateKey,
    datastore,
    logger: libp2pLogger(log),
    network: ground.network,
    mesh: own.id,
    guard,
    clock,
    dht: config.swarm.dht,
    agent: `lumos-node/${VERSION}`,
    addressesOf(id) {
      const signed = table.get(id, clock.monotonicMs())
      return signed === undefined ? [] : manifestAddresses(signed.manifest)
    },
    onSighted(peer) {
      foreigners.saw({ peerId: peer.id.toString(), addresses: peer.multiaddrs.map(bareOf) })
      discovery.sighted(peer)
    }
  })
  const gossipBudget = new GossipBudget({
    clock,
    onExcess(id) {
      // What is under way when a peer is shut out does not make it worse.
      if (flooders.isBanned(id) || !flooders.strike(id)) return
      log.warn({ peerId: id, code: 'PEER_BANNED' }, 'a peer that floods gossip is shut out for a while')
      const banned = new LumosError('PEER_BANNED', `${id} floods gossip.`)
      for (const connection of libp2p.getConnections(peerIdFromString(id))) connection.abort(banned)
    }
  })
  gossipBudget.bound(libp2p.services.pubsub)
  const revocations = new RevocationSync({ libp2p, members, guard, clock, random, log })

  const offers = new Offers({
    settings: config.access,
    store: ground.offers,
    modelsFor: task =>
      registry.models().flatMap(({ model, tasks }) => (tasks.some(done => done === task) ? [model] : []))
  })
  const mayAsk = (id: string, request: InferenceRequest): void => {
    for (const access of offers.for(request)) guard.check(id, { kind: 'ask', access })
  }
  let draining = false
  const handler = new InferenceHandler({
    service: registry,
    clock,
    log,
    authorize(id, request) {
      if (draining) throw new OverloadedError('This node is stopping.', STOPPING_RETRY_AFTER_MS)
      mayAsk(id, request)
    },
    onStarted: (id, request) => emit('inference.serving_started', servedFor(id, request)),
    onEnded(id, request, durationMs, thrown) {
      const code = thrown === undefined ? undefined : toLumosError(thrown).code
      emit('inference.serving_ended', { ...servedFor(id, request), code, durationMs })
    }
  })

  const nameOf = (id: string) => members.get(id)?.name ?? table.get(id, clock.monotonicMs())?.manifest.name
  const peers = new Peers({
    libp2p,
    table,
    clock,
    onJoined: id => emit('peer.joined', { peerId: id, name: nameOf(id) }),
    onLeft: id => emit('peer.left', { peerId: id, name: nameOf(id) })
  })
  const discovery = new Discovery({
    libp2p,
    clock,
    random,
    log,
    addresses: ground.network.dial,
    // A stranger of another mesh may have become a member of this one.
    wants: id => (!foreigners.has(id) || members.get(id) !== undefined) && !removedBy.has(id)
  })

  const duplicates = new Duplicates()
  const sync: ManifestSync = new ManifestSync({
    libp2p,
    table,
    clock,
    random,
    log,
    guard,
    mesh: own.id,
    own: () => announcer.current,
    admit: ({ manifest }) => members.admit(manifest.peerId, manifest.certificates),
    onSeen({ manifest: { peerId: id, epoch, sequence } }) {
      const seen = duplicates.see(id, epoch, sequence, clock.monotonicMs())
      // That this life goes on shows everybody else that there are two.
      if (seen === 'another' && id === peerId) announcer.repeat()
      if (seen !== 'duplicate') return
      log.error({ peerId: id, code: 'DUPLICATE_IDENTITY' }, 'two devices use one key: revoke it')
      emit('peer.duplicated', { peerId: id, name: nameOf(id) })
    },
    onNews(signed) {
      const { peerId: id, epoch, sequence, capabilities } = signed.manifest
      manifestLog.store({ peerId: id, epoch, sequence, hash: signed.hash, envelope: signed.envelope })
      peers.heardOf(id)
      emit('manifest.updated', { peerId: id, epoch, sequence, capabilities: capabilities.length })
    }
  })
  const announcer: Announcer = new Announcer({
    clock,
    random,
    log,
    privateKey,
    peerId,
    epoch: manifestLog.epoch,
    nextSequence: () => manifestLog.nextSequence(),
    offer: () => ({
      // What its certificate says is unique; the settings only say what was wished for.
      name: members.get(peerId)?.name ?? config.name,
      software: `lumos-node/${VERSION}`,
      hardware,
      addresses: libp2p.getMultiaddrs().map(String).slice(0, ADDRESSES_MAX),
      capabilities: registry.capabilities().filter(({ model }) => offers.to(model) !== undefined),
      certificates: [...members.chain]
    }),
    publish: signed => sync.publish(signed)
  })
  // Where this node listens is known only once it does, and changes with the network.
  libp2p.addEventListener('self:peer:update', () => announcer.changed())

  const greeter = new Greeter({
    libp2p,
    clock,
    log,
    guard,
    terms: () => ({
      own: {
        version: 1,
        mesh: own.id,
        ...members.meshNaming,
        revocationsDigest: members.revocationsDigest
      },
      certificates: members.chain,
      manifest: announcer.current,
      judge: (id, certificates, hello) => reception.judge(id, certificates, hello)
    }),
    async onGreeted({ connection, manifest, hello, rttMs, renewed }: Greeted) {
      const { remotePeer } = connection
      if (renewed.length > 0) {
        await members.renew(renewed)
        announcer.changed()
      }
      const skewMs = manifest.manifest.issuedAtMs - clock.wallMs()
      if (Math.abs(skewMs) > CLOCK_SKEW_NOTED_MS) {
        log.warn(
          { peerId: `${remotePeer}`, skewMs: Math.round(skewMs) },
          'two clocks disagree; set one of them'
        )
      }
      const membership = members.get(`${remotePeer}`)
      if (membership && isWithinLeeway(membership, clock.wallMs())) {
        log.warn(
          { peerId: `${remotePeer}`, notAfterMs: membership.notAfterMs, code: 'CERTIFICATE_EXPIRED' },
          'a certificate has ended or not begun, and counts for ten minutes more: set the clocks, or reach an admin'
        )
      }
      await sync.meet(remotePeer, manifest)
      peers.introduce(remotePeer.toString(), rttMs)
      discovery.met(remotePeer)
      // Tells libp2p what the peer speaks; only now would the peer let us ask.
      libp2p.services.identify.identify(connection).catch(err => log.debug({ err }, 'could not identify'))
      await revocations.compare(remotePeer, hello.revocationsDigest)
    },
    onRefused({ remotePeer, remoteAddr, direction }, { code, details: { meshId, meshName } }) {
      const id = remotePeer.toString()
      if (typeof meshId === 'string' && meshId !== own.id && typeof meshName === 'string') {
        if (direction === 'outbound') foreigners.saw({ peerId: id, addresses: [bareOf(remoteAddr)] })
        foreigners.parted(id, meshId, meshName)
        emit('mesh.seen', { peerId: id, meshId, mesh: meshName })
      }
      if (code === 'PEER_REVOKED' && guard.isMember(id) && !removedBy.has(id)) {
        removedBy.add(id)
        log.warn({ peerId: id, code }, 'a member says that this device was removed from the mesh')
      }
      if (code === 'MANIFEST_FORGED' || code === 'CERTIFICATE_INVALID') bans.strike(id)
      // Whose certificate ran out is about to be invited again; whose connection broke did nothing wrong.
      if (code !== 'CERTIFICATE_EXPIRED' && code !== 'PEER_UNREACHABLE') loiterers.strike(id)
    },
    isAsked: id => joiner.asked.has(id)
  })
  const joiner = new Joiner({ libp2p, clock, peerId })
  const renewal = new Renewal({
    clock,
    log,
    members,
    authority,
    peerId,
    greetAll: () => greeter.greetAll(),
    onRenewed: () => announcer.changed()
  })
  const pairing: Pairing = new Pairing({
    libp2p,
    guard,
    clock,
    log,
    store,
    members,
    authority,
    peerId,
    emit,
    hold: (connection, timeoutMs) => greeter.hold(connection, timeoutMs)
  })

  const diskWatch = new DiskWatch({
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
  const addressBook = new AddressBook({ libp2p, log, isMember: id => guard.isMember(id) })

  const offersOf = (wanted: { task?: string; model?: string }): Offer[] => {
    const own = registry
      .capabilities()
      .filter(({ task, model }) => (wanted.task ?? task) === task && (wanted.model ?? model) === model)
    return [
      // What this node offers to nobody is still its owner's to use.
      ...own.map(capability => ({
        peerId,
        name: nameOf(peerId) ?? config.name,
        local: true,
        connected: peers.isConnected(peerId),
        rttMs: peers.rttMs(peerId),
        capability
      })),
      ...table
        .providers(wanted, clock.monotonicMs())
        .filter(({ peerId: id }) => id !== peerId && !peers.isLost(id) && mayOffer(id))
        .map(({ peerId: id, name, capability }) => ({
          peerId: id,
          name,
          local: false,
          connected: peers.isConnected(id),
          rttMs: peers.rttMs(id),
          capability
        }))
    ]
  }
  const mayOffer = (id: string): boolean => {
    const role = members.get(id)?.role
    return role !== undefined && role !== 'guest'
  }
  const router = new Router({
    clock,
    log,
    newId: randomUUID,
    offers: offersOf,
    service: id => (id === peerId ? registry : peers.client(id)),
    peersNamed: name => [
      ...new Set(
        table
          .alive(clock.monotonicMs())
          .filter(({ manifest }) => manifest.peerId === name || manifest.name === name)
          .map(({ manifest }) => manifest.peerId)
      )
    ],
    emit
  })

  await members.load()
  return {
    lifecycle: [
      { part: 'disk', start: () => diskWatch.start(), stop: () => diskWatch.stop() },
      // Peers may come as soon as libp2p listens, so all that meets them is ready before.
      { part: 'announcer', start: () => announcer.start(), stop: () => announcer.stop() },
      { part: 'hello', start: () => greeter.start(), stop: () => greeter.stop() },
      { part: 'manifests', start: () => sync.start(), stop: () => sync.stop() },
      { part: 'revocations', start: () => revocations.start(), stop: () => revocations.stop() },
      { part: 'renewal', start: () => renewal.start(), stop: () => renewal.stop() },
      { part: 'pairing', start: () => pairing.start(), stop: () => pairing.stop() },
      {
        part: 'inference',
        start: () =>
          libp2p.handle(INFERENCE_PROTOCOL, guard.handler(INFERENCE_PROTOCOL, handler.onStream), {
            maxInboundStreams: INFERENCE_STREAMS_INBOUND_MAX
          }),
        async stop() {
          handler.close()
          await peers.close()
        }
      },
      { part: 'network', start: () => libp2p.start(), stop: () => libp2p.stop() },
      {
        part: 'gossip',
        start() {
          sync.subscribe()
          revocations.subscribe()
        }
      },
      { part: 'addresses', start: () => addressBook.start(), stop: () => addressBook.stop() },
      { part: 'discovery', start: () => discovery.start(), stop: () => discovery.stop() }
    ],
    libp2p,
    members,
    authority,
    revocations,
    pairing,
    joiner,
    peers,
    router,
    offers: () => offersOf({}),
    access: offers,
    accessChanged() {
      handler.recheck(mayAsk)
      announcer.changed()
    },
    sightings: () => foreigners.all(),
    isRemoved: () => members.standing(peerId).kind === 'revoked' || removedBy.size > 0,
    sighted: ({ peerId: id, addresses }) =>
      discovery.sighted({
        id: peerIdFromString(id),
        multiaddrs: addresses.map(address => multiaddr(address))
      }),
    greetAll: () => greeter.greetAll(),
    offerChanged: () => announcer.changed(),
    refuseRequests() {
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

const bareOf = (address: Multiaddr): string => address.toString().replace(/\/p2p\/[^/]+$/, '')
