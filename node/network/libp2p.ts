/**
 * The network stack of a node, with every limit set: libp2p's own defaults allow
 * everyone everything.
 *
 * TLS is offered first because it is native and so several times faster than
 * Noise, which stays for peers that speak only that.
 */

import type { GossipSub } from '@libp2p/gossipsub'
import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify'
import type {
  ComponentLogger,
  Connection,
  Libp2p,
  PeerDiscovery,
  PeerId,
  PeerInfo,
  PrivateKey,
  StreamMuxer
} from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Ping, ping } from '@libp2p/ping'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Datastore } from 'interface-datastore'
import { createLibp2p, type Libp2pOptions } from 'libp2p'

import type { Clock } from '../../interface/clock.ts'

import { socketTls } from '../../protocols/transport/tls/index.ts'
import { pingBy, sparingYamux } from '../../protocols/transport/yamux.ts'
import { addressOrder } from './address-order.ts'
import { ConnectionLimits } from './connection-limits.ts'
import type { Gate } from './gate.ts'
import { gossip } from './gossip.ts'
import type { LanReport } from './lan-report.ts'
import { Liveness } from './liveness.ts'
import { endLost } from './lost-ends.ts'
import type { OpenGateway } from './mdns/gateway-service.ts'
import { noiseOnDemand } from './noise.ts'
import { type DeviceNetworks, type Libp2pComponents, OwnAddresses } from './own-addresses.ts'
import { privateDht } from './private-dht.ts'
import { ProtocolBytes } from './protocol-bytes.ts'
import { staggerDials } from './staggered-dial.ts'
import { isReachable } from './stated-addresses.ts'

const CONNECTIONS_MAX = 128
/** Above what `ConnectionLimits` keeps pending, which pushes out the idle ones; libp2p would turn away the next to come. */
const PENDING_CONNECTIONS_MAX = 128
/** A small board that is busy takes a second for its part of a handshake. */
export const HANDSHAKE_TIMEOUT_MS = 5000
/** A dial without any answer is given up then. */
export const DIAL_TIMEOUT_MS = 10_000
/** libp2p's own 5 per second and address turns away a LAN behind one router, with a bare ECONNRESET. */
const CONNECTIONS_PER_SECOND_AND_ADDRESS_MAX = 50
/** A dead path is noticed within 15 s. */
export const PING_INTERVAL_MS = 5000
/**
 * The DHT pings two peers at a time. Nodes of version 0.1.0 also watch over each connection by pings in
 * streams, three of them within their timeout, and cut a connection that takes fewer.
 */
const PING_STREAMS_MAX = 8
/** Devices sleep for weeks; their addresses are tried for a month. */
const PEER_AGE_MAX_MS = 30 * 24 * 3600 * 1000
/** An entry of the peer store holds no more, and no more are tried. */
export const PEER_ADDRESSES_MAX = 20

const CONNECTION_LIMITS = {
  maxConnections: CONNECTIONS_MAX,
  maxIncomingPendingConnections: PENDING_CONNECTIONS_MAX,
  inboundUpgradeTimeout: HANDSHAKE_TIMEOUT_MS,
  dialTimeout: DIAL_TIMEOUT_MS,
  inboundConnectionThreshold: CONNECTIONS_PER_SECOND_AND_ADDRESS_MAX,
  // Discovery dials again, with its own backoff. See also `notKeptAlive` in private-dht.ts.
  reconnectRetries: 0
}

const DIALS = { addressesMax: PEER_ADDRESSES_MAX, handshakeMs: HANDSHAKE_TIMEOUT_MS }

export type Services = {
  identify: Identify
  identifyPush: IdentifyPush
  ping: Ping
  pubsub: GossipSub
  dht?: KadDHT
  bytes: ProtocolBytes
}
export type MeshLibp2p = Libp2p<Services>

/** What carries bytes and finds peers; a simulation brings its own. */
export interface Network {
  readonly transports: NonNullable<Libp2pOptions['transports']>
  /** Multiaddrs to listen on. */
  readonly listen: string[]
  readonly discovery: ((components: DiscoveryComponents) => PeerDiscovery)[]
  /** What discovery saw and did; absent where it is turned off. */
  readonly report?: LanReport
  /** From now on, programs on the local networks find this gateway; absent where discovery is turned off. */
  announce?(gateway: OpenGateway): void
  /** Multiaddrs to dial at start. */
  readonly dial: readonly string[]
  /** Absent where addresses are no IPs. */
  readonly device?: DeviceNetworks
  /** How often each connection is asked whether it lives. Hundreds of nodes on one processor need more time. */
  readonly pingIntervalMs?: number
}
/** What libp2p hands to a discovery service, as far as one uses it. */
export interface DiscoveryComponents {
  readonly peerId: PeerId
  readonly logger: ComponentLogger
  readonly addressManager: { getListenAddrs(): Multiaddr[] }
  readonly transportManager: { getAddrs(): Multiaddr[] }
}

export interface Libp2pSettings {
  readonly privateKey: PrivateKey
  readonly datastore: Datastore
  readonly logger: ComponentLogger
  readonly network: Network
  /** Id of the mesh: part of the names of topics and DHT, so that meshes on one network stay apart. */
  readonly mesh: string
  /** Names of topics besides those of manifests and revocations. */
  readonly topics?: readonly string[]
  readonly guard: Gate
  readonly clock: Clock
  readonly dht: boolean
  readonly agent: string
  /** Where a peer says that it is, in its signed manifest. */
  addressesOf(peerId: string): Multiaddr[]
  /** A discovery service saw a peer, known or not, at these addresses just now. */
  onSighted(peer: PeerInfo): void
}

/** Built, not started. */
export async function createMeshLibp2p(settings: Libp2pSettings): Promise<MeshLibp2p> {
  const { privateKey, datastore, logger, network, mesh, dht, guard, clock, topics = [] } = settings
  const bytes = new ProtocolBytes()
  const heardAtMs = new WeakMap<StreamMuxer, number>()
  const liveness = new Liveness({
    clock,
    intervalMs: network.pingIntervalMs ?? PING_INTERVAL_MS,
    connections: () => libp2p.getConnections(),
    ping: connection => pingBy(muxerOf(connection)),
    heardAtMs: connection => heardAtMs.get(muxerOf(connection))
  })
  const own = new OwnAddresses({
    clock,
    networks: network.device,
    onLost: () => void endLost(libp2p.getConnections(), { liveness, isHeld: network.device!.isHeld })
  })
  const limits = new ConnectionLimits(peerId => guard.isMember(peerId))
  const libp2p: MeshLibp2p = await createLibp2p<Services>({
    ...{ start: false, privateKey, datastore, logger },
    nodeInfo: { userAgent: settings.agent },
    addresses: {
      listen: network.listen,
      announceFilter: () =>
        own.list().map(address => address.encapsulate(`/p2p/${peerIdFromPrivateKey(privateKey)}`))
    },
    transports: network.transports,
    connectionEncrypters: [socketTls(), noiseOnDemand()],
    streamMuxers: [sparingYamux(muxer => heardAtMs.set(muxer, clock.monotonicMs()), clock, bytes.add)],
    peerDiscovery: network.discovery.map(discovery => components => {
      const service = discovery(components)
      service.addEventListener('peer', event => {
        settings.onSighted(event.detail)
        // libp2p would write down where it was seen, time and again. A connected peer says where it is by itself.
        if (libp2p.getConnections(event.detail.id).length > 0) event.stopImmediatePropagation()
      })
      return service
    }),
    connectionManager: CONNECTION_LIMITS,
    // Liveness does what it does, and does not mistake a slow link for a dead one.
    connectionMonitor: { enabled: false },
    peerStore: { maxAddressAge: PEER_AGE_MAX_MS, maxPeerAge: PEER_AGE_MAX_MS },
    connectionGater: {
      ...guard.gater,
      ...limits.gater,
      // What identify and others say of a peer is held to what its manifest may say.
      filterMultiaddrForPeer: async (_, address) => isReachable(address, own.isOnLoopbackAlone)
    },
    services: {
      own: (components: Libp2pComponents) => own.serviceOf(components),
      // A peer that is no member yet would be refused: identify runs once the hello is done.
      identify: guard.forMembers(identify({ runOnConnectionOpen: false })),
      identifyPush: guard.forMembers(identifyPush()),
      ping: guard.forMembers(
        ping({ maxInboundStreams: PING_STREAMS_MAX, maxOutboundStreams: PING_STREAMS_MAX })
      ),
      liveness: () => liveness,
      bytes: () => bytes,
      pubsub: guard.forMembers(gossip(mesh, topics)),
      ...(dht ? { dht: guard.forMembers(privateDht({ mesh, addressesOf: settings.addressesOf })) } : {})
    } as never
  })
  limits.watch(libp2p)
  doubtReplaced(libp2p, liveness)
  staggerDials(libp2p, { ...DIALS, clock, order: addresses => addressOrder(own.view)(addresses) })
  return libp2p
}

/** libp2p's type of a connection does not tell of its muxer. */
const muxerOf = (connection: Connection): StreamMuxer => (connection as { muxer?: StreamMuxer }).muxer!

/** A peer that connects anew may have lost the connection that is here. */
function doubtReplaced(libp2p: MeshLibp2p, liveness: Liveness): void {
  libp2p.addEventListener('connection:open', ({ detail: { id, remotePeer } }) =>
    liveness.doubt(libp2p.getConnections(remotePeer).filter(other => other.id !== id))
  )
}
