/** The network of a node as its user runs it: TCP on the addresses of this device, and discovery where it is wanted. */

import { networkInterfaces } from 'node:os'
import type { PeerDiscovery } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../../interface/clock.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { zonedTcp } from '../../protocols/transport/zoned-tcp.ts'
import { isLinkLocal } from './address-order.ts'
import { LanReport } from './lan-report.ts'
import type { DiscoveryComponents, Network } from './libp2p.ts'
import { WILDCARDS } from './listen-port.ts'
import { isHeld } from './lost-ends.ts'
import { GatewayAnswers } from './mdns/gateway-answers.ts'
import type { OpenGateway } from './mdns/gateway-service.ts'
import { GroupSocket } from './mdns/group-socket.ts'
import { LanDiscovery } from './mdns/lan-discovery.ts'
import type { Link } from './mdns/links.ts'
import { peerRecords } from './mdns/records.ts'
import { defaultSources } from './own-addresses.ts'

/** With so many, an answer fits into one packet of Ethernet. */
const ANNOUNCED_MAX = 6

export interface TcpSettings {
  /** IP addresses to listen on. */
  readonly hosts: readonly string[]
  readonly port: number
  /** Multiaddrs to dial at start. */
  readonly peers: readonly string[]
  /** Multiaddrs of a router that leads here. */
  readonly announce?: readonly string[]
}

export const tcpNetwork = ({ hosts, port, peers, announce = [] }: TcpSettings): Network => ({
  transports: [zonedTcp()],
  listen: hosts.map(host => `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}`),
  discovery: [],
  dial: peers,
  device: { interfaces: networkInterfaces, defaultSources, isHeld, announce }
})

export function lanNetwork(
  settings: TcpSettings & { readonly mdns: boolean },
  { clock, log }: { readonly clock: Clock; readonly log: Logger }
): Network {
  const network = tcpNetwork(settings)
  if (!settings.mdns) return network
  const report = new LanReport(clock)
  let open: OpenGateway | undefined
  const discovery = (components: DiscoveryComponents) =>
    new LanDiscovery({
      groups: { IPv4: new GroupSocket('IPv4'), IPv6: new GroupSocket('IPv6') },
      records: peerRecords(components.peerId.toString(), components.logger),
      gateway: new GatewayAnswers(components.peerId.toString(), clock, () => open),
      report,
      clock,
      log,
      interfaces: networkInterfaces,
      addressesOn: link => addressesOn(link, components)
    }) as unknown as PeerDiscovery
  return {
    ...network,
    ...{ discovery: [discovery], report },
    announce(gateway) {
      open = gateway
    }
  }
}

/** Of the addresses of this link, those that this node listens on. */
function addressesOn(
  link: Link,
  { peerId, addressManager, transportManager }: Omit<DiscoveryComponents, 'logger'>
): Multiaddr[] {
  const open = transportManager.getAddrs().map(address => address.getComponents())
  return addressManager
    .getListenAddrs()
    .flatMap(address => {
      const [{ name: family, value: host } = { name: '' }] = address.getComponents()
      // The settings may leave the port to the system.
      const port = open.find(([first]) => first?.name === family)?.[1]?.value
      return link.addresses
        .filter(
          own => (own.includes(':') ? 'ip6' : 'ip4') === family && (host === own || WILDCARDS.has(host!))
        )
        .sort((a, b) => Number(isLinkLocal(b)) - Number(isLinkLocal(a)))
        .flatMap(own =>
          port === undefined ? [] : [multiaddr(`/${family}/${own}/tcp/${port}/p2p/${peerId}`)]
        )
    })
    .slice(0, ANNOUNCED_MAX)
}
