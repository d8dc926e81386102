/** Why devices do not see each other, from what the node saw and did. Each case ends in one sentence and what to do. */

import type { DiscoveryReport } from '../../interface/discovery.ts'
import type { MemberInfo } from '../../interface/mesh.ts'
import type { PeerInfo } from '../../interface/node.ts'
import type { NodeStatus } from '../../interface/status.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** What the running node says. */
export interface NetworkView {
  readonly status: Pick<NodeStatus, 'addresses'>
  readonly discovery: DiscoveryReport
  readonly peers: Pick<PeerInfo, 'name'>[]
  readonly members: Pick<MemberInfo, 'self'>[]
}
type Sighting = DiscoveryReport['sightings'][number]

/** On a local network a device answers within milliseconds, one that is busy within a second. */
const SILENCE_MS_MIN = 2500
/** Peers announce themselves every twenty seconds; one that was not sighted for so long is gone. */
const SIGHTING_AGE_MS_MAX = 60_000

export function networkFindings(view: NetworkView): Finding[] {
  const { copy } = view.discovery
  return [
    discovery(view),
    ...(copy === null
      ? []
      : [
          fail(
            'copy',
            `Another device, at ${copy.address}, uses the key of this one.`,
            'On the device that is the copy, run: lumos-node leave --new-identity'
          )
        ]),
    peers(view)
  ]
}

function discovery({ discovery: { mdns, links }, status }: NetworkView): Finding {
  const byName = `name this device on another one: lumos-node start --peer ${dialable(status)}`
  if (!mdns)
    return warn('mdns', 'Discovery is turned off.', `Set swarm.mdns to true, or ${byName}`, 'config.set')
  const tunnels = links.filter(({ state }) => state === 'tunnel').map(({ name }) => name)
  const lans = links.filter(({ state, loopback }) => state !== 'tunnel' && !loopback)
  if (links.some(({ state }) => state === 'port-taken')) {
    return fail(
      'mdns',
      'Another program holds UDP port 5353 for itself: peers on this network are not found.',
      `See which one it is (ss -ulpn sport = 5353) and end it; the node goes on by itself. Or ${byName}`
    )
  }
  if (lans.length === 0 && tunnels.length > 0) {
    return warn(
      'mdns',
      `Only a VPN is up (${listOf(tunnels)}), which carries no multicast: peers are not found by themselves.`,
      `Connect to a local network, or ${byName}`
    )
  }
  if (lans.length === 0) {
    return warn('mdns', 'This device is in no local network.', `Connect to a network, or ${byName}`)
  }
  const broken = lans.find(({ state, error }) => state === 'failed' || error !== null)
  if (broken !== undefined) {
    const { name, error } = broken
    const why =
      error === 'EPERM' ? 'a firewall of this device stops UDP port 5353' : `the system says ${error}`
    return warn('mdns', `Peers on ${name} are not looked for: ${why}.`, `Allow UDP port 5353, or ${byName}`)
  }
  const vpn = tunnels.length === 0 ? '' : ` A VPN (${listOf(tunnels)}) carries no multicast and is left out.`
  return ok('mdns', `Peers are looked for on ${listOf(lans.map(({ name }) => name))}.${vpn}`)
}

function peers({ discovery: { links, sightings }, peers: connected, members, status }: NetworkView): Finding {
  const recent = sightings.filter(({ seenAgoMs }) => seenAgoMs < SIGHTING_AGE_MS_MAX)
  const missing = recent.filter(({ name, connected }) => name !== null && !connected)
  const names = listOf(connected.map(({ name }) => name))
  const unreached = missing.flatMap(sighting => unreachedBecause(sighting) ?? [])[0]
  if (unreached !== undefined) return { ...unreached, status: connected.length > 0 ? 'warn' : 'fail' }
  if (connected.length > 0) return ok('peers', `${connected.length} connected: ${names}.`)

  const start = `Start a node on another device of this network, or name this one there: lumos-node start --peer ${dialable(status)}`
  const meshes = [...new Set(recent.flatMap(({ mesh }) => mesh ?? []))]
  if (members.length < 2 && meshes.length > 0) {
    const found = `A mesh is here that this device is not in: ${listOf(meshes)}.`
    return warn('peers', found, 'Ask to be let in: lumos-node join --nearby', 'mesh.join_nearby')
  }
  if (members.length < 2) return warn('peers', 'No peer is connected.', start)
  const heard = links.some(({ heardAgoMs, loopback }) => heardAgoMs !== null && !loopback)
  return fail(
    'peers',
    `This mesh has ${members.length} devices, and none of the others is connected or seen on this network.`,
    heard
      ? start
      : `Nothing is heard from any device here: a firewall may stop UDP port 5353, or this Wi-Fi keeps its devices apart. ${start}`
  )
}

/** A member that is there and not connected; undefined while it is being dialed. */
function unreachedBecause({ name, address, seenAgoMs, dial }: Sighting): Finding | undefined {
  const seen = `${name} was seen at ${placeOf(address)} ${Math.round(seenAgoMs / 1000)} s ago`
  const isSilent = dial?.outcome === 'dialing' && dial.agoMs >= SILENCE_MS_MIN
  switch (isSilent ? 'timeout' : dial?.outcome) {
    case 'timeout':
      return fail(
        'peers',
        `${seen} and does not answer there: a firewall stops the connection.`,
        `On ${name}, let TCP port ${portOf(address)} in.`
      )
    case 'refused':
      return fail('peers', `${seen}, and nothing listens there.`, `Restart the node on ${name}.`)
    case 'unreachable':
      return fail(
        'peers',
        `${seen}, and this device has no way to that address.`,
        `Give both devices addresses of one network.`
      )
    case 'connected':
      return fail(
        'peers',
        `${seen}, and each connection to it ends at once.`,
        `Compare the clocks of both devices, and see the log of ${name}.`
      )
    case 'failed':
      return fail(
        'peers',
        `${seen}, and the connection fails.`,
        'To see why: lumos-node config set log.level debug, restart the node, and look into its log.'
      )
    default:
      return undefined
  }
}

/** `10.9.0.2:5867` of a multiaddr. */
const placeOf = (address: string): string => {
  const [, ip = address, port] = /\/ip[46]\/([^/]+)\/tcp\/(\d+)/.exec(address) ?? []
  return port === undefined ? ip : ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}
const portOf = (address: string): string => /\/tcp\/(\d+)/.exec(address)?.[1] ?? '5867'

const listOf = (names: readonly string[]): string => [...new Set(names)].join(', ')

/** An address that others can use, if there is one. */
const dialable = ({ addresses }: NetworkView['status']): string =>
  addresses.find(address => !/^\/ip4\/127\.|^\/ip6\/::1\//.test(address)) ?? '<multiaddr>'
