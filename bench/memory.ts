/**
 * Memory: between two devices, beside y-websocket, which neither signs nor encrypts nor waits for a disk; and what it
 * takes as it grows and changes.
 */

import type { Bench } from './harness.ts'
import { peerTables } from './memory-peers.ts'
import { searchTable } from './memory-search.ts'
import { sizeTables } from './memory-size.ts'
import { tableOf } from './table.ts'

const STALL_MS_MAX = 20

export const bench: Bench = async ({ quick }) => {
  const stalls = new Map<string, number[]>()
  const tables = [
    ...(await peerTables(quick, stalls)),
    ...(await sizeTables(quick, stalls)),
    await searchTable(quick, stalls)
  ]
  const limits = Object.fromEntries([...stalls.keys()].map(name => [name, STALL_MS_MAX]))
  const stalled = tableOf('Longest stall of the network thread', stalls, {
    unit: 'ms',
    references: [],
    limits
  })
  return [...tables, stalled]
}
