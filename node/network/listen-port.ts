/** Finds where to listen: on both families where the device has both, on the port that was wanted or the next free one. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { isPortTaken, listeningRefused } from '../../interface/listening.ts'

/** Nodes on one machine take ports in a row; ten of them are more than anyone runs by hand. */
const PORTS_TRIED = 10
/** Stands for every address of this device, of either family. */
const EVERY_ADDRESS = '::'
export const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::'])
/** The system has no such family, or has it turned off. */
const NO_FAMILY: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT', 'EINVAL'])

export interface Place {
  readonly hosts: readonly string[]
  /** The same for all hosts; 0 for any. */
  readonly port: number
}

/**
 * `wanted`, or the first port after it that is free on all hosts; 0, for any, when ten in a row are taken.
 *
 * @param section of the settings, for an error.
 * @throws {LumosError} `CONFIG_INVALID` when this device does not have the address, or the port is root's.
 */
export async function placeToListen(host: string, wanted: number, section = 'swarm'): Promise<Place> {
  const hosts = host === EVERY_ADDRESS ? await wildcards() : [host]
  if (wanted === 0 && hosts.length === 1) return { hosts, port: 0 }
  const first = wanted === 0 ? await freePort(hosts[0]!) : wanted
  for (let port = first; port < Math.min(first + PORTS_TRIED, 65_536); port++) {
    if ((await Promise.all(hosts.map(each => isFree(each, port, section)))).every(Boolean))
      return { hosts, port }
  }
  return { hosts, port: 0 }
}

/** One socket a family: a socket of both would show the peers of IPv4 under addresses of IPv6. */
async function wildcards(): Promise<string[]> {
  const found: string[] = []
  for (const host of WILDCARDS) {
    try {
      await freePort(host)
      found.push(host)
    } catch (err) {
      if (!NO_FAMILY.has((err as NodeJS.ErrnoException).code ?? '')) throw err
    }
  }
  return found
}

const freePort = (host: string): Promise<number> => probe(host, 0)

async function isFree(host: string, port: number, section: string): Promise<boolean> {
  try {
    await probe(host, port)
    return true
  } catch (err) {
    if (isPortTaken(err, port)) return false
    throw listeningRefused(err, { host, port, section })
  }
}

/** Listens there for a moment. */
async function probe(host: string, port: number): Promise<number> {
  const server = createServer().listen({ host, port, ipv6Only: host.includes(':') })
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return bound
}
