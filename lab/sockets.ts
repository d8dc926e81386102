/** The TCP sockets of a process's network, as the kernel sees them. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

const ESTABLISHED = '01'
/** The kernel tells nobody when bytes arrive, so it is asked again and again, this long. */
const ARRIVAL_MS_MAX = 10_000

interface Socket {
  readonly ports: readonly number[]
  readonly established: boolean
  /** Bytes that arrived and that no process has read. */
  readonly unread: number
}

/** Connections that have `port` at either end. */
export async function connectionsOn(port: number, pid: number): Promise<number> {
  const sockets = await socketsOf(pid)
  return sockets.filter(({ ports, established }) => established && ports.includes(port)).length
}

/** Wait until so many bytes lie unread in one socket. */
export async function unreadBytes(bytes: number, pid: number): Promise<void> {
  const deadline = AbortSignal.timeout(ARRIVAL_MS_MAX)
  while (!(await socketsOf(pid)).some(({ unread }) => unread >= bytes)) {
    assert.ok(!deadline.aborted, `${bytes} bytes arrived`)
  }
}

async function socketsOf(pid: number): Promise<Socket[]> {
  const table = await readFile(`/proc/${pid}/net/tcp`, 'utf8')
  return table
    .trim()
    .split('\n')
    .slice(1)
    .map(line => {
      // sl local_address rem_address st tx_queue:rx_queue …, all in hex
      const [, local, remote, state, queues] = line.trim().split(/\s+/)
      return {
        ports: [local, remote].map(address => lastHex(address!)),
        established: state === ESTABLISHED,
        unread: lastHex(queues!)
      }
    })
}

const lastHex = (text: string): number => Number.parseInt(text.split(':')[1]!, 16)
