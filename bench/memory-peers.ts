/** Memory between two devices: how soon an edit is seen, and how soon a device that has nothing has all. */

import { ownStallMs, type Peer, startPeer, take } from './harness.ts'
import { EDITS, eventually, hasEntry, set } from './memory-space.ts'
import { startNode } from './nodes.ts'
import { medianOf } from './statistics.ts'
import { type BenchTable, tableOf } from './table.ts'
import { startRival } from './y-websocket.ts'

const ROUNDS = { thorough: 15, quick: 1 }
/** Rounds that do not count. */
const WARMUPS = { thorough: 2, quick: 1 }
const EDITS_PER_ROUND = 20
/** What a peer does not notice. */
const EDIT_MS_MAX = 10
const PULLS = { thorough: 7, quick: 1 }
const OPERATIONS = { thorough: 100_000, quick: 1000 }

const EDIT = 'written, sent, checked, written there'
const LUMOS = 'lumos'
const RIVAL = 'y-websocket, from the memory of its server'
type Series = Map<string, number[]>

const joined = async (peer: Peer<unknown>) => {
  const node = await startNode({})
  await node.mesh.join(await peer.ask<string>('invite'))
  return node
}

export async function peerTables(quick: boolean, stalls: Series): Promise<BenchTable[]> {
  await using peer = await startPeer<string>(new URL('./memory-server.ts', import.meta.url))
  const size = quick ? 'quick' : 'thorough'
  const edits = await seen(peer, { rounds: ROUNDS[size], warmups: WARMUPS[size] }, stalls)
  const pulls = await pulled(peer, { pulls: PULLS[size], count: OPERATIONS[size] }, stalls)
  return [edits, pulls]
}

/** There and back again, so that the clocks of two processes need not agree; an edit is half of it. */
async function seen(
  peer: Peer<string>,
  { rounds, warmups }: { rounds: number; warmups: number },
  stalls: Series
): Promise<BenchTable> {
  const node = await joined(peer)
  const space = peer.addresses
  await eventually(async () => (await node.memory.spaces()).some(({ id }) => id === space))
  const leave = new AbortController()
  const answers = node.memory.watch(space, { doc: 'back', signal: leave.signal })
  const series: Series = new Map()
  let n = 0
  // The first rounds connect the two and compile.
  for (let round = -warmups; round < rounds; round++) {
    const times: number[] = []
    ownStallMs()
    await peer.stallMs()
    for (let i = 0; i < EDITS_PER_ROUND; i++) {
      const startedMs = performance.now()
      const [, { value }] = await Promise.all([
        set(node, space, 'there', `${n++}`),
        answers[Symbol.asyncIterator]().next()
      ])
      if (value === undefined) throw new Error(`Nothing came back of ${EDITS}.`)
      times.push((performance.now() - startedMs) / 2)
    }
    if (round < 0) continue
    take(series, EDIT, medianOf(times))
    take(stalls, 'of the device that edits', ownStallMs())
    take(stalls, 'of the device that answers', await peer.stallMs())
  }
  leave.abort()
  await node.stop()
  return tableOf('An edit, from the call that writes it to the event on a connected device', series, {
    ...{ unit: 'ms', references: [] },
    limits: { [EDIT]: EDIT_MS_MAX }
  })
}

async function pulled(
  peer: Peer<string>,
  { pulls, count }: { pulls: number; count: number },
  stalls: Series
): Promise<BenchTable> {
  await using rival = await startRival()
  await rival.fill(count)
  const space = await peer.ask<string>('fill', count)
  const rates: Series = new Map()
  // The first one does not count: the code is compiled, and the snapshot is made that the others get too.
  for (let round = pulls > 1 ? -1 : 0; round < pulls; round++) {
    const node = await joined(peer)
    // Its memory runs.
    await node.memory.create('its own')
    await eventually(async () => node.peers().length > 0)
    ownStallMs()
    await peer.stallMs()
    const startedMs = performance.now()
    await peer.ask('share', { space, peerId: node.peerId })
    await eventually(() => hasEntry(node, space, count - 1))
    const pullMs = performance.now() - startedMs
    const [here, there] = [ownStallMs(), await peer.stallMs()]
    await node.stop()
    const rivalMs = await rival.pullMs(count)
    if (round < 0) continue
    take(rates, LUMOS, (count * 1000) / pullMs)
    take(rates, RIVAL, (count * 1000) / rivalMs)
    take(stalls, 'of the device that pulls', here)
    take(stalls, 'of the device that is pulled from', there)
  }
  return tableOf(`${count.toLocaleString('en')} operations to a device that has nothing`, rates, {
    unit: 'operations/s',
    references: [RIVAL]
  })
}
