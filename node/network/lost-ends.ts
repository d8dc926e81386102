/** Ends what went out from an address that this device has lost: nothing comes back to it, and nothing is sent from it. */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Connection } from '@libp2p/interface'
import type { Liveness } from './liveness.ts'

export interface LostEndsComponents {
  readonly liveness: Pick<Liveness, 'doubt'>
  /** See {@link isHeld}. */
  isHeld(ip: string): Promise<boolean>
}

/** The others may have gone the same way, and are doubted. */
export async function endLost(
  connections: readonly Connection[],
  { liveness, isHeld }: LostEndsComponents
): Promise<void> {
  liveness.doubt(connections)
  const ends = Map.groupBy(connections, ownEndOf)
  await Promise.all(
    [...ends].map(async ([ip, from]) => {
      if (ip === undefined || (await isHeld(ip))) return
      for (const connection of from)
        connection.abort(new Error(`${ip} is no address of this device any more.`))
    })
  )
}

/** The IP from which a connection goes out. libp2p's types do not tell of sockets. */
const ownEndOf = (connection: Connection): string | undefined =>
  (connection as { maConn?: { socket?: Socket } }).maConn?.socket?.localAddress

/** Whether the system has this address. Of a link that is down it has, and `networkInterfaces` leaves it out. */
export async function isHeld(ip: string): Promise<boolean> {
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4')
  try {
    socket.bind({ address: ip, exclusive: true })
    await once(socket, 'listening')
    return true
  } catch (err) {
    return (err as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL'
  } finally {
    socket.close()
  }
}
