/**
 * The addresses at which others reach this node: where it listens, and what its settings announce. libp2p itself
 * holds back those that are public until other nodes of a public network confirm them, and those that are link-local.
 */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { ComponentLogger, Libp2pEvents, PeerId, PeerStore, TypedEventTarget } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Clock, Timer } from '../../interface/clock.ts'
import type { Startable } from '../../interface/lifecycle.ts'
import { addressOrder, type Interfaces, ipOf, type NetworkView } from './address-order.ts'
import { contains, familyOf, listensOnLoopbackAlone, loopbacks } from './stated-addresses.ts'

/** The system does not say that an address came or went. Looking costs a fraction of a millisecond. */
const LOOK_INTERVAL_MS = 2000
/** Before libp2p listens there is nothing to see, and an address that is lost before the first look is not missed. */
const FIRST_LOOK_INTERVAL_MS = 50
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::'])
/** Documentation networks (RFC 5737, 3849), which only the default route leads to. */
const BEYOND = { udp4: '192.0.2.1', udp6: '2001:db8::1' } as const
const DISCARD_PORT = 9

/** The networks of a device, as its system shows them. */
export interface DeviceNetworks {
  interfaces(): Interfaces
  /** See {@link NetworkView.defaultSources}. */
  defaultSources(): Promise<string[]>
  /** Whether the system has this address. */
  isHeld(ip: string): Promise<boolean>
  /** Multiaddrs at which others reach this node by way of a router, without its PeerId. */
  readonly announce: readonly string[]
}

export interface OwnAddressesComponents {
  readonly clock: Clock
  /** None on a network in memory, whose addresses are announced as they are. */
  readonly networks: DeviceNetworks | undefined
  /** An address that was announced is this device's no more. Called before others are told. */
  onLost(): void
}

/** What libp2p hands to a service. */
export interface Libp2pComponents {
  readonly peerId: PeerId
  readonly peerStore: PeerStore
  readonly logger: ComponentLogger
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly addressManager: { getListenAddrs(): Multiaddr[] }
  readonly transportManager: { getAddrs(): Multiaddr[] }
}

export class OwnAddresses implements Startable {
  readonly #components: OwnAddressesComponents
  #libp2p: Libp2pComponents | undefined
  #defaultSources: readonly string[] = []
  #timer: Timer | undefined
  #stopped = false
  #announced: readonly string[] = []
  /** The networks of the device when {@link #announced} was made; empty where that is out of date. */
  #seen = ''
  #isOnLoopbackAlone: boolean | undefined

  constructor(components: OwnAddressesComponents) {
    this.#components = components
  }

  /** As a service of libp2p, whose parts are made after its settings. */
  serviceOf(libp2p: Libp2pComponents): this {
    this.#libp2p = libp2p
    return this
  }

  start(): void {
    if (this.#components.networks === undefined) return
    // Listeners open one after the other, and the first look may find some of them.
    this.#libp2p?.events.addEventListener('transport:listening', this.#onListening)
    void this.#look()
  }

  stop(): void {
    this.#stopped = true
    this.#libp2p?.events.removeEventListener('transport:listening', this.#onListening)
    this.#timer?.cancel()
  }

  #onListening = (): void => {
    this.#seen = ''
  }

  get view(): NetworkView {
    return {
      interfaces: this.#components.networks?.interfaces() ?? {},
      defaultSources: this.#defaultSources
    }
  }

  /** Best first, without the PeerId. */
  list(): Multiaddr[] {
    const open = this.#libp2p?.transportManager.getAddrs() ?? []
    const { networks } = this.#components
    if (networks === undefined || this.#libp2p === undefined) return open
    const { view } = this
    const listen = this.#libp2p.addressManager.getListenAddrs()
    const all = [...listenedOn(listen, open, view.interfaces), ...networks.announce.map(a => multiaddr(a))]
    const distinct = [...new Map(all.map(address => [address.toString(), address])).values()]
    const reachable = distinct.filter(address => !contains(loopbacks, address))
    return addressOrder(view)(reachable.length > 0 ? reachable : distinct)
  }

  /** As of the last look: libp2p asks for each address of a peer whenever a stream to it is opened. */
  get isOnLoopbackAlone(): boolean {
    const known = this.#isOnLoopbackAlone
    if (known !== undefined) return known
    const own = this.list()
    const alone = listensOnLoopbackAlone(own)
    // Before the node listens there is nothing to remember, and a network in memory is not looked at again.
    if (own.length > 0 && this.#components.networks !== undefined) this.#isOnLoopbackAlone = alone
    return alone
  }

  async #look(): Promise<void> {
    const { clock, networks } = this.#components
    try {
      this.#defaultSources = await networks!.defaultSources()
      if (!this.#stopped && this.#haveChanged()) await this.#tell()
    } catch (err) {
      this.#seen = ''
      this.#libp2p?.logger
        .forComponent('lumos:addresses')
        .error('could not look at the addresses of this device - %e', err)
    }
    const delayMs = this.#announced.length === 0 ? FIRST_LOOK_INTERVAL_MS : LOOK_INTERVAL_MS
    if (!this.#stopped) this.#timer = clock.setTimer(() => void this.#look(), delayMs)
  }

  #haveChanged(): boolean {
    const seen = JSON.stringify(this.view)
    const same = seen === this.#seen && this.#announced.length > 0
    this.#seen = seen
    return !same
  }

  /** libp2p's event of its own addresses follows, which identify and the announcer of manifests wait for. */
  async #tell(): Promise<void> {
    const { peerId, peerStore } = this.#libp2p!
    this.#isOnLoopbackAlone = undefined
    const multiaddrs = this.list()
    const announced = multiaddrs.map(String)
    if (announced.join() === this.#announced.join()) return
    const lost = this.#announced.some(address => !announced.includes(address))
    if (lost) this.#components.onLost()
    await peerStore.patch(peerId, { multiaddrs })
    this.#announced = announced
  }
}

/**
 * A wildcard stands for the addresses of all interfaces.
 *
 * @param open where sockets listen: the settings may leave the port to the system.
 */
function listenedOn(
  listen: readonly Multiaddr[],
  open: readonly Multiaddr[],
  interfaces: Interfaces
): Multiaddr[] {
  const own = Object.values(interfaces).flatMap(infos => infos?.map(({ address }) => address) ?? [])
  return listen.flatMap(address => {
    const host = ipOf(address)
    if (host === undefined) return [address]
    const family = familyOf(host)
    const port = open.find(each => familyOf(ipOf(each) ?? '') === family)?.getComponents()[1]?.value
    if (port === undefined) return []
    const hosts = WILDCARDS.has(host) ? own.filter(each => familyOf(each) === family) : [host]
    return hosts.map(each => multiaddr(`/${family === 'ipv6' ? 'ip6' : 'ip4'}/${each}/tcp/${port}`))
  })
}

/** Connecting a datagram socket sends nothing; the system chooses the address that it would send from. */
export async function defaultSources(): Promise<string[]> {
  const sources = await Promise.all(
    (['udp4', 'udp6'] as const).map(async type => {
      const socket = createSocket(type)
      try {
        socket.connect(DISCARD_PORT, BEYOND[type])
        await once(socket, 'connect')
        return [socket.address().address]
      } catch {
        // No such family, or no default route in it.
        return []
      } finally {
        socket.close()
      }
    })
  )
  return sources.flat()
}
