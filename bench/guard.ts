/**
 * What enforcement costs a call: the same path with every check that stands before
 * a peer's request, and with none, in turns over one connection.
 *
 * Rates say what a caller feels; processor time, which a busy neighbour hardly
 * changes, says whether the promise holds.
 */

import { randomBytes } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { INFERENCE_PROTOCOL } from '../protocols/inference/index.ts'
import {
  type Bench,
  type BenchOptions,
  type Rounds,
  rateTable,
  startPeer,
  take,
  takeTurns
} from './harness.ts'
import { meshGuard } from './mesh-guard.ts'
import { createPeer } from './peers.ts'
import { callsFor, echoOver } from './rpc.ts'
import { type BenchTable, tableOf } from './table.ts'

export const UNGUARDED_PROTOCOL = '/lumos/bench/unguarded/1'

/** A closed mesh takes no more than a twentieth of what a call costs. */
const COST_MAX = 1.05
const CALL_BYTES = 1024
const IN_FLIGHT = [1, 128]
/** Many and short, since a difference of a few percent is looked for. */
const ROUNDS = 31
const ROUND_MS = { thorough: 300, quick: 50 }
/** In a round of the checks alone. */
const CHECKS = 50_000
const WITHOUT = 'without enforcement'

export const bench: Bench = async options => {
  await using server = await startPeer<string[]>(new URL('./guard-server.ts', import.meta.url))
  const peer = await createPeer()
  const connection = await peer.dial(server.addresses.map(address => multiaddr(address)))
  const ways = {
    'with enforcement': echoOver(connection, INFERENCE_PROTOCOL),
    [WITHOUT]: echoOver(connection, UNGUARDED_PROTOCOL)
  }
  const payload = randomBytes(CALL_BYTES)
  const roundMs = options.quick ? ROUND_MS.quick : ROUND_MS.thorough
  const tables: BenchTable[] = [await checksAlone(options)]
  for (const inFlight of IN_FLIGHT) {
    const variants = Object.entries(ways).map(([name, echo]) => ({
      name,
      round: () => callsFor(roundMs, echo, payload, inFlight)
    }))
    const measured = await takeTurns(variants, { rounds: ROUNDS, ...options }, server)
    const load = `${CALL_BYTES / 1024} KiB each way, ${inFlight} in flight`
    tables.push(
      rateTable(`Enforcement, ${load}`, measured, { unit: 'calls', references: [WITHOUT] }),
      tableOf(`Enforcement, processor time of both sides, ${load}`, cpuOf(measured), {
        unit: 'µs',
        references: [WITHOUT],
        atMost: COST_MAX
      })
    )
  }
  return tables
}

/** What the policy takes to be asked once: the part of a call that no noise hides. */
async function checksAlone({ quick }: BenchOptions): Promise<BenchTable> {
  const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
  const { authorize, admit } = await meshGuard(log)
  const peerId = peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString()
  await admit(peerId)
  const request = { id: '1', task: 'tensor', model: 'echo', input: {}, params: {}, budgetMs: 1000 } as const
  const series = new Map<string, number[]>()
  for (let round = -1; round < (quick ? 2 : ROUNDS); round++) {
    const beganMs = performance.now()
    for (let i = 0; i < CHECKS; i++) authorize(peerId, request)
    if (round >= 0) take(series, 'asked once', ((performance.now() - beganMs) * 1000) / CHECKS)
  }
  return tableOf('Enforcement, the checks of a request alone', series, { unit: 'µs', references: [] })
}

const cpuOf = (measured: ReadonlyMap<string, Rounds>): Map<string, number[]> =>
  new Map(
    [...measured].map(([name, { cpuHereUs, cpuThereUs }]) => [
      name,
      cpuHereUs.map((here, round) => here + cpuThereUs[round]!)
    ])
  )
