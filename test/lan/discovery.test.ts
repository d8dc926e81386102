/** Nodes that are given no address, on a LAN of real network namespaces. */

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'vitest'
import type { Device } from '../../lab/device.ts'
import { Lab } from '../../lab/lab.ts'
import { holds, loses, type Node, pair, startOn } from '../../lab/node.ts'
import { connectionsOn } from '../../lab/sockets.ts'
import { temporaryHome } from '../../lab/system.ts'
import { describeOnLan } from './lan.ts'

const ROUNDS = 7
/** One round may be spoilt by what else the machine does. */
const HELD_AT_LEAST = ROUNDS - 1
const SWARM_PORT = 5867
/** What a person takes for "at once". */
const HELD_MS_MAX = 1000

describeOnLan('two nodes on one LAN', () => {
  it(`hold each other's manifests within ${HELD_MS_MAX} ms of the second's start, ${HELD_AT_LEAST} times of ${ROUNDS}, over one connection`, {
    timeout: 120_000
  }, async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    await using first = await startOn(await lan.device('first'), 'first')
    const device = await lan.device('second')
    const sinceReady: number[] = []
    const sinceSpawn: number[] = []
    const connections: number[] = []

    const home = await pairedHome(first, device)
    for (let round = 0; round < ROUNDS; round++) {
      await forgetAddresses(home)
      await using second = await startOn(device, 'second', { home })
      const atMs = Math.max(...(await Promise.all([holds(first, second), holds(second, first)])))
      sinceReady.push(atMs - second.readyAtMs)
      sinceSpawn.push(atMs - second.spawnedAtMs)
      connections.push(await connectionsOn(SWARM_PORT, second.pid))
      await second.end('SIGTERM')
      await loses(first, second)
    }
    await rm(home, { recursive: true })

    console.log(
      `both manifests held, after Ready: ${figures(sinceReady)}; after spawn: ${figures(sinceSpawn)}`
    )
    assert.ok(sinceReady.filter(ms => ms < HELD_MS_MAX).length >= HELD_AT_LEAST)
    // Both found the other at the same moment, and yet only one of them dialed.
    assert.equal(percentile(connections, 0.5), 1)
  })
})

async function pairedHome(first: Node, device: Device): Promise<string> {
  const home = await temporaryHome()
  await using node = await startOn(device, 'second', { home })
  await pair(first, node)
  await node.end('SIGTERM')
  await loses(first, node)
  return home
}

/** Without it only mDNS is left. */
async function forgetAddresses(home: string): Promise<void> {
  for (const file of ['cache.db', 'cache.db-wal', 'cache.db-shm']) await rm(join(home, file), { force: true })
}

const figures = (ms: number[]): string =>
  `p50 ${percentile(ms, 0.5).toFixed(0)} ms, p95 ${percentile(ms, 0.95).toFixed(0)} ms, max ${Math.max(...ms).toFixed(0)} ms`

/** Nearest rank. */
const percentile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]!
