/**
 * The DHT of one mesh, in which members find each other, and what each has.
 *
 * The addresses of a peer come from its own signed manifest alone: any server can make up addresses, and a dial that
 * waits at a wrong one holds up every other dial to the same peer. Here are the bounds that the library lacks: it keeps
 * what any peer sends it, for two days, and reads messages of 4 MiB, where 8 KiB are much.
 */

import {
  isPeerId,
  KEEP_ALIVE,
  type Peer,
  type PeerData,
  type PeerDiscoveryEvents,
  type PeerDiscoveryProvider,
  type PeerId,
  type PeerInfo,
  peerDiscoverySymbol,
  type Stream,
  type StreamHandler,
  TypedEventEmitter
} from '@libp2p/interface'
import { type KadDHT, type KadDHTComponents, kadDHT } from '@libp2p/kad-dht'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Datastore } from 'interface-datastore'
import { LumosError } from '../../interface/errors.ts'
import { ProviderRecords } from './provider-records.ts'

const KIB = 1024
/** A question holds a key and nothing else, and has a stream of its own. */
const QUESTION_BYTES_MAX = 16 * KIB
/** An answer names twenty peers at most, each with its twenty addresses of some fifty bytes. */
const ANSWER_BYTES_MAX = 64 * KIB
/**
 * The library ends the look-up of its own name after this many steps, not peers as it
 * means to: three are one peer's answer, so names that a few liars make up fill it.
 * https://github.com/libp2p/js-libp2p/blob/main/packages/kad-dht/src/query-self.ts
 */
const OWN_LOOKUP_STEPS = 20
/** A device that left is named for six hours at most; each says again every two to three hours what it has. */
const REPROVIDE = { validity: 6 * 3600_000, threshold: 4 * 3600_000, interval: 1800_000 }
/** Questions of one peer at the same time: those of a look-up of its own, of one for us, and of a refresh. */
const QUESTIONS_MAX = 8

export interface PrivateDhtSettings {
  /** Id of the mesh: part of the protocol's name, so that meshes on one network stay apart. */
  readonly mesh: string
  /** Where a peer says that it is; none for a peer whose manifest is not known. */
  addressesOf(peerId: string): Multiaddr[]
}

export const privateDht = ({
  mesh,
  addressesOf
}: PrivateDhtSettings): ((components: KadDHTComponents) => KadDHT) => {
  const corrected = (peer: PeerInfo): PeerInfo => ({ ...peer, multiaddrs: addressesOf(peer.id.toString()) })
  const create = kadDHT({
    protocol: `/lumos/${mesh}/kad/1.0.0`,
    // Members are reachable by each other, and their addresses are private ones.
    clientMode: false,
    peerInfoMapper: corrected,
    maxInboundStreams: QUESTIONS_MAX,
    validators: { pk: refuseRecord },
    initialQuerySelfInterval: 1000,
    reprovide: REPROVIDE
  })
  return components => {
    const dht = create(bounded(components, peer => addressesOf(peer.toString()).length > 0))
    const found = new TypedEventEmitter<PeerDiscoveryEvents>()
    const { [peerDiscoverySymbol]: told, peerInfoMapper, maxInboundStreams, network } = dht as Inside
    if (typeof network?.sendRequest !== 'function') throw unbounded('it does not ask one server alone')
    if (told === undefined || peerInfoMapper !== corrected || maxInboundStreams !== QUESTIONS_MAX) {
      throw unbounded('it does not take over how many questions it answers, or who it says is near')
    }
    told.addEventListener('peer', ({ detail }) => {
      const peer = corrected(detail)
      if (peer.multiaddrs.length > 0) found.safeDispatchEvent('peer', { detail: peer })
    })
    Object.defineProperty(dht, peerDiscoverySymbol, { value: found })
    const events: EventTarget = components.events
    events.addEventListener('kad-dht:query:self', event => {
      const { peers: steps } = (event as CustomEvent<{ peers: number }>).detail
      if (steps >= OWN_LOOKUP_STEPS) void lookUpWhole(dht, components)
    })
    return dht
  }
}

/** What is used of the library's class beyond its type. A node does not start where a later version lacks it. */
type Inside = KadDHT &
  Partial<PeerDiscoveryProvider> & {
    peerInfoMapper?: unknown
    maxInboundStreams?: number
    network?: { sendRequest?: unknown }
  }

const unbounded = (why: string): LumosError =>
  new LumosError('INTERNAL', `The DHT cannot be bounded: ${why}.`, {
    hint: 'Install the version of @libp2p/kad-dht that package.json names.'
  })

/** Asks the peers that are near this node's name for others there: each answer adds to `found`. Ends when the DHT stops. */
async function lookUpWhole(dht: KadDHT, { peerId, logger }: KadDHTComponents): Promise<void> {
  try {
    await Array.fromAsync(dht.getClosestPeers(peerId.toMultihash().bytes))
  } catch (err) {
    logger.forComponent('lumos:private-dht')('could not look up who is near - %e', err)
  }
}

/** The same parts, through which the DHT keeps provider records alone, reads no more than it may, and asks known peers only. */
const bounded = (components: KadDHTComponents, isKnown: (peer: PeerId) => boolean): KadDHTComponents => {
  const { datastore, registrar, connectionManager, peerStore, peerId } = components
  return replacing(components, {
    // No peer fills disks with it.
    datastore: replacing(datastore, partsOf(new ProviderRecords(peerId.toString())), []),
    registrar: replacing(registrar, {
      handle: (protocol, handler, options) => registrar.handle(protocol, listeningUpTo(handler), options)
    }),
    peerStore: replacing(peerStore, {
      // Where a peer is, its manifest says.
      merge: (peer, { tags, multiaddrs: _, ...data }, ...rest) =>
        peerStore.merge(peer, tags === undefined ? data : { ...data, tags: notKeptAlive(tags) }, ...rest),
      // One that is not kept any more spoils no answer that names others.
      get: (peer, options) => peerStore.get(peer, options).catch(err => unknownPeer(peer, err))
    }),
    connectionManager: replacing(
      connectionManager,
      {
        async openStream(peer, ...rest) {
          if (!isPeerId(peer) || !isKnown(peer))
            throw new LumosError('DENIED', 'That peer is not known here.')
          return readingUpTo(ANSWER_BYTES_MAX, await connectionManager.openStream(peer, ...rest))
        }
      },
      ['isDialable']
    )
  })
}

/**
 * libp2p dials a peer with such a tag at once, each time its connection ends: a peer that refuses this device is then
 * dialed ten times a second, and shuts it out. Discovery dials again, with its backoff. Taken off where it is, too.
 */
const notKeptAlive = (tags: Tags): Tags =>
  Object.fromEntries(
    Object.entries(tags).map(([name, tag]) => [name, name.startsWith(KEEP_ALIVE) ? undefined : tag])
  )
type Tags = NonNullable<PeerData['tags']>

const partsOf = (records: ProviderRecords): Partial<Datastore> => ({
  put: (key, value) => records.put(key, value),
  get: key => records.get(key),
  delete: key => records.delete(key),
  query: query => records.query(query)
})

function unknownPeer(id: PeerId, err: Error): Peer {
  if (err.name !== 'NotFoundError') throw err
  return { id, addresses: [], protocols: [], metadata: new Map(), tags: new Map() }
}

const listeningUpTo =
  (handler: StreamHandler): StreamHandler =>
  (stream, connection) => {
    // The handler listens first: bytes that came early go to the first listener.
    const served = handler(stream, connection)
    readingUpTo(QUESTION_BYTES_MAX, stream)
    return served
  }

function readingUpTo(bytesMax: number, stream: Stream): Stream {
  let bytes = 0
  stream.addEventListener('message', ({ data }) => {
    bytes += data.byteLength
    if (bytes > bytesMax) stream.abort(new LumosError('FRAME_TOO_LARGE', 'The peer says too much.'))
  })
  return stream
}

async function refuseRecord(): Promise<never> {
  throw new LumosError('DENIED', 'This mesh keeps no records in its DHT.')
}

/**
 * The same object with `parts` of it replaced.
 *
 * @param passed its only other methods that may be called, where a further one could go past the bound of a part.
 */
const replacing = <T extends object>(target: T, parts: Partial<T>, passed?: readonly (keyof T)[]): T =>
  new Proxy(target, {
    get(_, key) {
      if (key in parts) return parts[key as keyof T]
      const value = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      if (passed?.includes(key as keyof T) === false) throw unbounded(`it calls ${String(key)}`)
      return value.bind(target)
    }
  })
