/** Servers of models, as the settings name them. */

import { readFile } from 'node:fs/promises'
import { BlockList, isIP } from 'node:net'
import type { NamedServer } from '../../capabilities/index.ts'
import type { Environment } from '../../storage/home/home-path.ts'
import type { Config } from './config-schema.ts'

type Servers = Config['engines']['servers']

/** Names of hosts that no other network answers to. */
const NEAR = /^localhost$|\.(?:local|lan|home\.arpa|internal)$|^[^.]+$/i

/** Loopback, private, link-local, and those of carriers and VPNs. */
const PRIVATE = new BlockList()
for (const [net, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10]
] as const) {
  PRIVATE.addSubnet(net, bits)
}
PRIVATE.addAddress('::1', 'ipv6')
PRIVATE.addSubnet('fc00::', 7, 'ipv6')
PRIVATE.addSubnet('fe80::', 10, 'ipv6')

export function namedServers(servers: Servers, env: Environment): NamedServer[] {
  return Object.entries(servers).map(([name, { url, keyFile, keyVariable, models, leavesMesh }]) => ({
    ...{ name, url, models },
    leavesMesh: leavesMesh ?? !isNear(new URL(url).hostname),
    async key() {
      if (keyFile !== undefined) return (await readFile(keyFile, 'utf8')).trim()
      return keyVariable === undefined ? undefined : env[keyVariable]
    }
  }))
}

/** Whether the server is in a network of one's own. */
function isNear(host: string): boolean {
  const ip = host.replace(/^\[|\]$/g, '')
  const family = isIP(ip)
  return family === 0 ? NEAR.test(host) : PRIVATE.check(ip, family === 6 ? 'ipv6' : 'ipv4')
}
