/** The networks of the matrix: how two devices are on one, and what happens to it. */

import type { Device } from './device.ts'
import type { Lab } from './lab.ts'
import { addBridges, addTunnel, recreateCard, takeDiscoveryPort, wall } from './network-faults.ts'
import { loses, type Node } from './node.ts'
import { orNotRun } from './scenario.ts'

const BRIDGES = 20
const SWARM_PORT = 5867

export interface NetworkKind {
  readonly name: string
  readonly setup: string
  /** Names that are unique in the lab are given. */
  build(lab: Lab, names: readonly [string, string]): Promise<[Device, Device]>
  /** No multicast leads from one to the other: a code or an address does. */
  readonly isRouted?: boolean
  /** After both nodes have started, before the first contact. */
  afterStart?(one: Device, other: Device): Promise<void>
  /** After they have met, while both run, in place of a restart of the second. */
  interrupts?(devices: readonly [Device, Device], nodes: readonly [Node, Node], lab: Lab): Promise<void>
  /** After they have met, before the second one returns. */
  beforeReturn?(one: Device, other: Device): Promise<void>
  /** Then, too: something that ends again, after which they find each other. */
  block?(other: Device): Promise<AsyncDisposable>
  /** Where it cannot work, what `doctor` says on the second device instead of the return. */
  readonly says?: RegExp
}

const plain: NetworkKind['build'] = async (lab, [one, other]) => {
  const lan = await lab.lan()
  return [await lan.device(one), await lan.device(other)]
}
const having =
  (first: readonly string[], second: readonly string[]): NetworkKind['build'] =>
  async (lab, [one, other]) => {
    const lan = await lab.lan()
    return [await lan.device(one, [...first]), await lan.device(other, [...second])]
  }

async function withTunnels(devices: readonly Device[]): Promise<void> {
  for (const [i, device] of devices.entries()) await orNotRun(addTunnel(device, `10.8.0.${i + 2}/24`))
}

export const NETWORK_KINDS: readonly NetworkKind[] = [
  { name: 'one-lan', setup: 'One switch.', build: plain },
  {
    name: 'vpn-one',
    setup: 'A tunnel holds the default route of one device.',
    async build(lab, names) {
      const devices = await plain(lab, names)
      await withTunnels(devices.slice(0, 1))
      return devices
    }
  },
  {
    name: 'vpn-both',
    setup: 'A tunnel holds the default route of each device.',
    async build(lab, names) {
      const devices = await plain(lab, names)
      await withTunnels(devices)
      return devices
    }
  },
  {
    name: 'bridges',
    setup: `One device has ${BRIDGES} bridges of containers.`,
    async build(lab, names) {
      const devices = await plain(lab, names)
      await addBridges(devices[0], BRIDGES)
      return devices
    }
  },
  { name: 'ipv6-only', setup: 'No IPv4.', build: having(['fd00:9::1/64'], ['fd00:9::2/64']) },
  {
    name: 'mixed',
    setup: 'Both families on one device, IPv4 only on the other.',
    build: having(['10.99.0.1/24', 'fd00:9::1/64'], ['10.99.0.2/24'])
  },
  {
    name: 'cable',
    setup: 'A cable without a router: 169.254.',
    build: having(['169.254.7.1/16'], ['169.254.7.2/16'])
  },
  { name: 'cable-ipv6', setup: 'A cable, and link-local IPv6 alone.', build: having([], []) },
  {
    name: 'public',
    setup: 'Public addresses on one switch.',
    build: having(['51.75.9.1/24'], ['51.75.9.2/24'])
  },
  {
    name: 'late',
    setup: 'The first device is plugged in after its node has started.',
    async build(lab, names) {
      const devices = await plain(lab, names)
      await devices[0].unplug()
      return devices
    },
    afterStart: one => one.plugIn()
  },
  {
    name: 'routed',
    setup: 'Two subnets with a router between them.',
    isRouted: true,
    async build(lab, [one, other]) {
      const [near, far] = [await lab.lan(), await lab.lan()]
      await lab.router(near, far)
      return [await near.device(one), await far.device(other)]
    }
  },
  {
    name: 'changed',
    setup: 'The second device moves to another subnet, behind a router.',
    build: plain,
    async interrupts([one, other], _nodes, lab) {
      const far = await lab.lan()
      const { bridge, address } = one.place
      await lab.router({ bridge, network: address.replace(/\.\d+$/, '') }, far)
      await other.moveTo(far)
    }
  },
  {
    name: 'suspended',
    setup: 'The second device stands still until the first one misses it.',
    build: plain,
    async interrupts(_devices, [a, b]) {
      b.signal('SIGSTOP')
      await loses(a, b)
      b.signal('SIGCONT')
    }
  },
  {
    name: 'card-made-anew',
    setup: 'The network card of the first device goes and comes again.',
    build: plain,
    beforeReturn: recreateCard
  },
  {
    name: 'firewall-one',
    setup: 'The first device lets no TCP connection in.',
    build: plain,
    beforeReturn: one => orNotRun(wall(one, 'tcp', SWARM_PORT))
  },
  {
    name: 'firewall-discovery',
    setup: 'The first device lets no packet of mDNS in.',
    build: plain,
    beforeReturn: one => orNotRun(wall(one, 'udp', 5353))
  },
  {
    name: 'firewall-both',
    setup: 'No device lets a TCP connection in.',
    build: plain,
    async beforeReturn(one, other) {
      for (const device of [one, other]) await orNotRun(wall(device, 'tcp', SWARM_PORT))
    },
    says: /fail {2}peers .*does not answer there: a firewall/
  },
  {
    name: 'port-taken',
    setup: 'Another program on the second device holds UDP port 5353 for itself.',
    build: plain,
    block: takeDiscoveryPort,
    says: /fail {2}mdns .*UDP port 5353/
  }
]
