/** Unary calls between two processes: the inference protocol against gRPC, HTTP keep-alive and bare TLS. */

import { randomBytes, randomUUID } from 'node:crypto'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { systemClock } from '../interface/clock.ts'
import { prepare } from '../interface/prepare.ts'
import { INFERENCE_PROTOCOL, InferenceClient } from '../protocols/inference/index.ts'
import { type Bench, rateTable, startPeer, takeTurns } from './harness.ts'
import { createPeer } from './peers.ts'
import { connectGrpc, connectHttp, connectTls, type Echo } from './rpc-others.ts'
import type { Identity } from './self-signed.ts'
import type { BenchTable } from './table.ts'

interface Addresses {
  readonly lumos: string[]
  readonly grpc: number
  readonly grpcTls: number
  readonly identity: Identity
  readonly http: number
  readonly tls: number
}

const CASES = [
  { bytes: 1024, inFlight: 1 },
  { bytes: 1024, inFlight: 128 },
  { bytes: 65_536, inFlight: 16 }
]
const ROUNDS = 9
const ROUND_MS = { thorough: 600, quick: 50 }

export const bench: Bench = async options => {
  await using server = await startPeer<Addresses>(new URL('./rpc-server.ts', import.meta.url))
  const { addresses } = server
  const lumos = await connectLumos(addresses.lumos)
  const tls = await connectTls(addresses.tls)
  const grpc = connectGrpc(addresses.grpc)
  const grpcTls = connectGrpc(addresses.grpcTls, addresses.identity)
  const roundMs = options.quick ? ROUND_MS.quick : ROUND_MS.thorough
  const tables: BenchTable[] = []

  for (const { bytes, inFlight } of CASES) {
    const payload = randomBytes(bytes)
    const echoes: Record<string, Echo> = {
      lumos,
      'grpc-js': grpc,
      'grpc-js, mutual TLS': grpcTls,
      'undici HTTP': connectHttp(addresses.http, inFlight),
      'bare TLS': tls
    }
    const variants = Object.entries(echoes).map(([name, echo]) => ({
      name,
      round: () => callsFor(roundMs, echo, payload, inFlight)
    }))
    const measured = await takeTurns(variants, { rounds: ROUNDS, ...options }, server)
    const references = Object.keys(echoes).slice(1)
    const title = `${bytes / 1024} KiB each way, ${inFlight} in flight`
    tables.push(rateTable(title, measured, { unit: 'calls', references }))
  }
  return tables
}

async function connectLumos(addresses: string[]): Promise<Echo> {
  const peer = await createPeer()
  return echoOver(await peer.dial(addresses.map(address => multiaddr(address))), INFERENCE_PROTOCOL)
}

/** The echo model asked through the inference protocol, under whatever id it has there. */
export function echoOver(connection: Connection, protocol: string | string[]): Echo {
  const client = new InferenceClient({
    clock: systemClock,
    openStream: options => connection.newStream(protocol, options)
  })
  return async payload => {
    const tensors = { x: { type: 'uint8', dims: [payload.byteLength], data: payload } }
    let output: typeof tensors | undefined
    const request = {
      id: randomUUID(),
      task: 'tensor',
      model: 'echo',
      input: { tensors },
      params: {}
    } as const
    const chunks = client.infer(prepare({ ...request, budgetMs: 60_000 }))
    for await (const chunk of chunks) {
      if (chunk.type === 'output') output = (chunk.output as { tensors: typeof tensors }).tensors
    }
    return output!.x.data
  }
}

/** Calls until the time is up, each of `inFlight` callers one after the other. */
export async function callsFor(
  roundMs: number,
  echo: Echo,
  payload: Uint8Array,
  inFlight: number
): Promise<{ amount: number; ms: number }> {
  const startedMs = performance.now()
  const endMs = startedMs + roundMs
  let amount = 0
  const caller = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const { byteLength } = await echo(payload)
      if (byteLength !== payload.byteLength) throw new Error(`An echo of ${byteLength} bytes came back.`)
      amount++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  return { amount, ms: performance.now() - startedMs }
}
