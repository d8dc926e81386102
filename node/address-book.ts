/**
 * Keeps libp2p's peer store to members. Whoever connects or shouts on the LAN gets
 * an entry there, on disk, for a month; keys are free, so strangers could fill it.
 */

import type { PeerId, PeerInfo } from '@libp2p/interface'
import type { Logger, Startable } from '../interface/lifecycle.ts'
import type { MeshLibp2p } from './libp2p.ts'

/** Unknown devices in sight at the same time: a member not met yet, or another mesh's. */
const STRANGERS_MAX = 256

export interface AddressBookComponents {
  readonly libp2p: MeshLibp2p
  readonly log: Logger
  isMember(peerId: string): boolean
}

export class AddressBook implements Startable {
  readonly #components: AddressBookComponents
  readonly #strangers = new Map<string, PeerId>()

  constructor(components: AddressBookComponents) {
    this.#components = components
  }

  /** Forget those whom an earlier run saw. To be called before anybody reads the peer store. */
  async start(): Promise<void> {
    const { libp2p, isMember } = this.#components
    libp2p.addEventListener('peer:discovery', this.#onDiscovery)
    libp2p.addEventListener('peer:disconnect', this.#onDisconnect)
    for (const { id } of await libp2p.peerStore.all()) {
      if (!id.equals(libp2p.peerId) && !isMember(id.toString())) await this.#forget(id)
    }
  }

  stop(): void {
    this.#components.libp2p.removeEventListener('peer:discovery', this.#onDiscovery)
    this.#components.libp2p.removeEventListener('peer:disconnect', this.#onDisconnect)
  }

  #onDiscovery = ({ detail: { id } }: CustomEvent<PeerInfo>): void => {
    const { isMember } = this.#components
    if (isMember(id.toString())) return
    this.#strangers.set(id.toString(), id)
    if (this.#strangers.size <= STRANGERS_MAX) return
    const [oldest] = this.#strangers.values()
    this.#strangers.delete(oldest!.toString())
    if (!isMember(oldest!.toString())) void this.#forget(oldest!)
  }

  #onDisconnect = ({ detail: id }: CustomEvent<PeerId>): void => {
    if (!this.#components.isMember(id.toString())) void this.#forget(id)
  }

  async #forget(id: PeerId): Promise<void> {
    const { libp2p, log } = this.#components
    await libp2p.peerStore.delete(id).catch(err => log.debug({ err }, 'could not forget a stranger'))
  }
}
