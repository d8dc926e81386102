/** Ports of the gateway: one for both loopback addresses, the next one where another program holds it. */

import { Server as HttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { isPortTaken, type ListeningPlace, listeningRefused } from '../interface/listening.ts'
import { addressesOf } from './hosts.ts'

/** Enough for several nodes on one device; more are a sign of something else. */
const PORTS_TRIED_MAX = 20
const PORT_MAX = 65_535

/** Connections that wait until this thread has a turn: as many as Linux keeps. */
const BACKLOG = 4096

/** A device without IPv6, or without IPv4. */
const ABSENT = ['EADDRNOTAVAIL', 'EAFNOSUPPORT']

export interface Listeners<S extends Server> {
  readonly servers: readonly S[]
  readonly port: number
}

/**
 * @param create makes a server that does not listen yet.
 * @param place its port is the first to try; 0 lets the system choose.
 * @throws {LumosError} `CONFIG_INVALID` when this device does not have the address, or the port is root's.
 */
export async function listenOnFreePort<S extends Server>(
  create: () => S,
  { host, port: first, section }: ListeningPlace
): Promise<Listeners<S>> {
  for (let tried = 1; ; tried++) {
    const port = first === 0 ? 0 : first + tried - 1
    try {
      return await listenOnAll(create, addressesOf(host), port)
    } catch (err) {
      if (isPortTaken(err, port) && tried < PORTS_TRIED_MAX && port < PORT_MAX) continue
      throw listeningRefused(err, { host, port, section })
    }
  }
}

/** @throws when the first address is not to be had, or another one that there is. */
export async function listenOnAll<S extends Server>(
  create: () => S,
  hosts: readonly string[],
  wanted: number
): Promise<Listeners<S>> {
  const servers: S[] = []
  let port = wanted
  try {
    for (const host of hosts) {
      const server = create()
      try {
        await listen(server, { host, port })
      } catch (err) {
        // The settings ask for the first; the other loopback address is taken where there is one.
        if (servers.length > 0 && ABSENT.includes(codeOf(err) ?? '')) continue
        throw err
      }
      port = (server.address() as AddressInfo).port
      servers.push(server)
    }
    return { servers, port }
  } catch (err) {
    for (const server of servers) {
      server.close()
      if (server instanceof HttpServer) server.closeAllConnections()
    }
    throw err
  }
}

const codeOf = (err: unknown): string | undefined => (err as NodeJS.ErrnoException).code

export const listen = (
  server: Server,
  where: { path: string } | { host: string; port: number }
): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
