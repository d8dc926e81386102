/** How the servers of the gateway begin to listen. */

import { chmod } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from '../interface/lifecycle.ts'

/** Enough for several nodes on one device; more are a sign of something else. */
const PORTS_TRIED_MAX = 20
const PORT_MAX = 65_535

export async function listenOnSocket(server: Server, path: string): Promise<void> {
  await listen(server, { path })
  // A named pipe has no mode. Until here the socket's directory, 0700, guards it.
  if (process.platform !== 'win32') await chmod(path, 0o600)
}

/** @returns the port: the wanted one, else one of those after it that is free. 0 lets the system choose. */
export async function listenOnFreePort(
  server: Server,
  { host, port: first }: { readonly host: string; readonly port: number },
  log: Logger
): Promise<number> {
  for (let port = first; ; port++) {
    try {
      await listen(server, { host, port })
      if (port > first && first > 0) {
        log.warn({ wanted: first, port }, 'the gateway port is taken: using the next free one')
      }
      return (server.address() as AddressInfo).port
    } catch (err) {
      const taken = (err as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!taken || port - first + 1 >= PORTS_TRIED_MAX || port === PORT_MAX) throw err
    }
  }
}

const listen = (server: Server, where: { path: string } | { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })
