/**
 * Keeps libp2p's peer store to members, and small. Each peer that connects or announces itself on the LAN gets an entry
 * there, on disk, for a month; keys are free, so strangers could fill it. And an entry takes what any peer says of its
 * peer.
 */

import type { Address, PeerId, PeerInfo, PeerUpdate } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Logger, Startable } from '../../interface/lifecycle.ts'
import { type MeshLibp2p, PEER_ADDRESSES_MAX } from './libp2p.ts'

/** Unknown devices in sight at the same time: a member not met yet, or another mesh's. */
const STRANGERS_MAX = 256
/** A node speaks a dozen; a peer of a later version may speak more. */
const PEER_PROTOCOLS_MAX = 50

export interface AddressBookComponents {
  readonly libp2p: MeshLibp2p
  readonly log: Logger
  isMember(peerId: string): boolean
}

export class AddressBook implements Startable {
  readonly #components: AddressBookComponents
  /** As text: the bytes of a `PeerId` are often a slice of Node's pool, and would keep 64 KiB of it in memory. */
  readonly #strangers = new Set<string>()

  constructor(components: AddressBookComponents) {
    this.#components = components
  }

  /** Forget the strangers of an earlier run. To be called before the peer store is read. */
  async start(): Promise<void> {
    const { libp2p, isMember } = this.#components
    libp2p.addEventListener('peer:discovery', this.#onDiscovery)
    libp2p.addEventListener('peer:disconnect', this.#onDisconnect)
    libp2p.addEventListener('peer:update', this.#onUpdate)
    for (const { id } of await libp2p.peerStore.all()) {
      if (!id.equals(libp2p.peerId) && !isMember(id.toString())) await this.#forget(id)
    }
  }

  stop(): void {
    const { libp2p } = this.#components
    libp2p.removeEventListener('peer:discovery', this.#onDiscovery)
    libp2p.removeEventListener('peer:disconnect', this.#onDisconnect)
    libp2p.removeEventListener('peer:update', this.#onUpdate)
  }

  #onDiscovery = ({ detail: { id } }: CustomEvent<PeerInfo>): void => {
    const { isMember } = this.#components
    if (isMember(id.toString())) return
    this.#strangers.add(id.toString())
    if (this.#strangers.size <= STRANGERS_MAX) return
    const [oldest] = this.#strangers
    this.#strangers.delete(oldest!)
    if (!isMember(oldest!)) void this.#forget(peerIdFromString(oldest!))
  }

  #onDisconnect = ({ detail: id }: CustomEvent<PeerId>): void => {
    if (!this.#components.isMember(id.toString())) void this.#forget(id)
  }

  #onUpdate = ({ detail: { peer, previous } }: CustomEvent<PeerUpdate>): void => {
    const { libp2p, log } = this.#components
    const { id, addresses, protocols } = peer
    if (addresses.length <= PEER_ADDRESSES_MAX && protocols.length <= PEER_PROTOCOLS_MAX) return
    libp2p.peerStore
      .patch(id, {
        addresses: likeliest(addresses, previous?.addresses ?? []),
        protocols: protocols.slice(0, PEER_PROTOCOLS_MAX)
      })
      .catch(err => log.debug({ err }, 'could not shorten the entry of a peer'))
  }

  async #forget(id: PeerId): Promise<void> {
    const { libp2p, log } = this.#components
    await libp2p.peerStore.delete(id).catch(err => log.debug({ err }, 'could not forget a stranger'))
  }
}

/**
 * As many addresses as are ever dialed. Those that the peer itself has signed come
 * first, then those known before, so that no lies of others push out what is true.
 */
function likeliest(addresses: readonly Address[], before: readonly Address[]): Address[] {
  const known = new Set(before.map(({ multiaddr }) => multiaddr.toString()))
  const doubt = ({ isCertified, multiaddr }: Address): number =>
    isCertified ? 0 : known.has(multiaddr.toString()) ? 1 : 2
  return addresses.toSorted((a, b) => doubt(a) - doubt(b)).slice(0, PEER_ADDRESSES_MAX)
}
