/** Finds a port to listen on: the one that was wanted, or the next that nobody uses. */

import { once } from 'node:events'
import { createServer } from 'node:net'

/** Nodes on one machine take ports in a row; ten of them are more than anyone runs by hand. */
const PORTS_TRIED = 10

/** `wanted`, or the first free one after it; 0, for any, when all of those are taken. */
export async function firstFreePort(host: string, wanted: number): Promise<number> {
  if (wanted === 0) return 0
  for (let port = wanted; port < Math.min(wanted + PORTS_TRIED, 65_536); port++) {
    if (await isFree(host, port)) return port
  }
  return 0
}

async function isFree(host: string, port: number): Promise<boolean> {
  const probe = createServer().listen(port, host)
  try {
    await once(probe, 'listening')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw err
  }
  probe.close()
  await once(probe, 'close')
  return true
}
