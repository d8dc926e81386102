/** A local network in one process: packets of one device's group socket reach all others that joined on that network. */

import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { ComponentLogger, PeerInfo } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Interfaces } from '../../../node/network/address-order.ts'
import { LanReport } from '../../../node/network/lan-report.ts'
import { GatewayAnswers } from '../../../node/network/mdns/gateway-answers.ts'
import type { OpenGateway } from '../../../node/network/mdns/gateway-service.ts'
import type { Group } from '../../../node/network/mdns/group-socket.ts'
import { LanDiscovery } from '../../../node/network/mdns/lan-discovery.ts'
import type { Family, Link } from '../../../node/network/mdns/links.ts'
import { peerRecords } from '../../../node/network/mdns/records.ts'
import { ManualClock } from '../../capabilities/manual-clock.ts'

/** `name: 'lan address/prefix …'`, such as `{ eth0: 'home 192.168.0.1/24 fe80::1/64' }`. */
export type Cards = Record<string, string>

export const SILENT = {
  forComponent: () => Object.assign(() => {}, { error() {}, trace() {} })
} as unknown as ComponentLogger
const MAC = '02:00:00:00:00:01'

export function interfacesOf(cards: Cards): Interfaces {
  return Object.fromEntries(
    Object.entries(cards).map(([name, text]) => [
      name,
      text
        .split(' ')
        .slice(1)
        .map(cidr => ({
          cidr,
          address: cidr.split('/')[0]!,
          family: cidr.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
          internal: name === 'lo',
          netmask: '',
          mac: /^(lo|tun)/.test(name) ? '00:00:00:00:00:00' : MAC,
          scopeid: cidr.startsWith('fe80') ? 2 : 0
        }))
    ])
  ) as Interfaces
}

export class LocalNetwork {
  readonly clock = new ManualClock()
  /** Every packet that left, as `device card family`. */
  readonly sent: { from: string; bytes: Uint8Array }[] = []
  readonly #groups = new Set<FakeGroup>()
  #devices = 0

  async device(cards: Cards) {
    const seed = new Uint8Array(32).fill(++this.#devices)
    const peerId = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', seed))
    return new Device(this, `device${this.#devices}`, peerId.toString(), cards)
  }

  group(device: Device, family: Family): FakeGroup {
    const group = new FakeGroup(this, device, family)
    this.#groups.add(group)
    return group
  }

  /** Half seconds, so that what each begins has happened before the next. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      this.clock.advance(500)
      for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
    }
  }

  deliver(from: Device, family: Family, link: Link, bytes: Uint8Array): void {
    this.sent.push({ from: `${from.name} ${link.name} ${family}`, bytes })
    const lan = from.lanOf(link.name)
    const zone = (card: string) => (link.address.startsWith('fe80') ? `%${card}` : '')
    for (const group of this.#groups) {
      if (group.family !== family) continue
      for (const card of group.joined) {
        if (group.device.lanOf(card) === lan) group.hear(bytes, `${link.address}${zone(card)}`)
      }
    }
  }
}

class FakeGroup implements Group {
  readonly joined = new Set<string>()
  readonly family: Family
  readonly device: Device
  /** What opening ends with, while it does. */
  refusal: string | undefined
  /** What each send ends with, while it does. */
  unsent: string | undefined
  readonly #network: LocalNetwork
  #onPacket: ((bytes: Buffer, source: string) => void) | undefined

  constructor(network: LocalNetwork, device: Device, family: Family) {
    this.#network = network
    this.device = device
    this.family = family
  }

  async open(onPacket: (bytes: Buffer, source: string) => void): Promise<void> {
    if (this.refusal !== undefined) throw Object.assign(new Error(this.refusal), { code: this.refusal })
    this.#onPacket = onPacket
  }

  join({ name }: Link): boolean {
    const isNew = !this.joined.has(name)
    this.joined.add(name)
    return isNew
  }

  async send(bytes: Uint8Array, link: Link): Promise<void> {
    if (this.unsent !== undefined) throw Object.assign(new Error(this.unsent), { code: this.unsent })
    this.#network.deliver(this.device, this.family, link, bytes)
  }

  hear(bytes: Uint8Array, source: string): void {
    this.#onPacket?.(Buffer.from(bytes), source)
  }

  close(): void {
    this.#onPacket = undefined
    this.joined.clear()
  }
}

export class Device {
  readonly name: string
  readonly peerId: string
  readonly report: LanReport
  readonly groups: Record<Family, FakeGroup>
  readonly discovery: LanDiscovery
  readonly warnings: string[] = []
  /** Addresses that were sighted, by the last of each peer. */
  readonly sighted = new Map<string, string[]>()
  cards: Cards
  /** Once it is open to other devices. */
  gateway: OpenGateway | undefined

  constructor(network: LocalNetwork, name: string, peerId: string, cards: Cards) {
    this.name = name
    this.peerId = peerId
    this.cards = cards
    this.report = new LanReport(network.clock)
    this.groups = { IPv4: network.group(this, 'IPv4'), IPv6: network.group(this, 'IPv6') }
    this.discovery = new LanDiscovery({
      groups: this.groups,
      records: peerRecords(peerId, SILENT),
      gateway: new GatewayAnswers(peerId, network.clock, () => this.gateway),
      report: this.report,
      clock: network.clock,
      log: { debug() {}, info() {}, warn: (_, text) => void this.warnings.push(text), error() {} },
      interfaces: () => interfacesOf(this.cards),
      addressesOn: link =>
        link.addresses.map(address =>
          multiaddr(`/${address.includes(':') ? 'ip6' : 'ip4'}/${address}/tcp/5867/p2p/${peerId}`)
        )
    })
    this.discovery.addEventListener('peer', event => {
      const { id, multiaddrs } = (event as CustomEvent<PeerInfo>).detail
      this.sighted.set(`${id}`, multiaddrs.map(String))
    })
  }

  /** The network that a card is plugged into; a tunnel and the loopback interface have their own. */
  lanOf(card: string): string {
    const lan = this.cards[card]?.split(' ')[0] ?? 'none'
    return lan === 'self' ? this.name : lan
  }
}
