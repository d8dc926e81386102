/** Which addresses are in a network of one's own. */

import { BlockList, isIP } from 'node:net'

/** Names of hosts that no other network answers to. */
const NEAR = /^localhost$|\.(?:local|lan|home\.arpa|internal)$|^[^.]+$/i

/** This device, loopback, private, link-local, and those of carriers and VPNs. */
const PRIVATE = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
  // Clouds give the keys of a machine to those on it here, as at 169.254.169.254.
  ['192.0.0.0', 24]
] as const) {
  PRIVATE.addSubnet(net, bits)
  // As networks with IPv6 alone reach it.
  PRIVATE.addSubnet(`64:ff9b::${net}`, 96 + bits, 'ipv6')
}
PRIVATE.addSubnet('::', 127, 'ipv6')
PRIVATE.addSubnet('fc00::', 7, 'ipv6')
PRIVATE.addSubnet('fe80::', 10, 'ipv6')

/** Whether a host, as a URL holds it, is near. */
export function isNear(host: string): boolean {
  const ip = host.replace(/^\[|\]$/g, '')
  const family = isIP(ip)
  return family === 0 ? NEAR.test(host) : PRIVATE.check(ip, family === 6 ? 'ipv6' : 'ipv4')
}
