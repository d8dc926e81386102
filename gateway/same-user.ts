/** Whose program is at the other end of a connection, where the system says so: Linux, for programs of this device. */

import { readFileSync } from 'node:fs'
import type { Asking } from './asking-form.ts'

/** Each connection with the user of its socket: proc(5). */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']
/** Local and remote address, state, queues, timer, retransmissions, user. Addresses end with the port, in hex. */
const ROW = /^\s*\d+: [\dA-F]+:([\dA-F]{4}) [\dA-F]+:([\dA-F]{4}) [\dA-F]{2} \S+ \S+ \S+ +(\d+) /gm
/** Users of the other end; of all connections between these ports, whatever their addresses. None where nothing is known. */
export function usersAt(
  { localPort, remotePort }: Asking['socket'],
  tables: readonly string[] = TABLES.flatMap(readTable)
): number[] {
  return tables
    .flatMap(table => [...table.matchAll(ROW)])
    .filter(([, own, other]) => portOf(own) === remotePort && portOf(other) === localPort)
    .map(([, , , user]) => Number(user))
}

const portOf = (hex: string | undefined): number => Number.parseInt(hex!, 16)

function readTable(path: string): string[] {
  try {
    return [readFileSync(path, 'latin1')]
  } catch {
    return []
  }
}
