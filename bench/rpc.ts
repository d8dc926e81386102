/** Unary calls between two processes: the inference protocol against gRPC, HTTP keep-alive and bare TLS. */

import { randomBytes, randomUUID } from 'node:crypto'
import { multiaddr } from '@multiformats/multiaddr'
import { systemClock } from '../interface/clock.ts'
import { INFERENCE_PROTOCOL, InferenceClient } from '../protocols/inference/index.ts'
import { type Bench, type BenchResult, report, startPeer, takeTurns } from './harness.ts'
import { createPeer } from './peers.ts'
import { connectGrpc, connectHttp, connectTls, type Echo } from './rpc-others.ts'

interface Addresses {
  readonly lumos: string[]
  readonly grpc: number
  readonly http: number
  readonly tls: number
}

const CASES = [
  { bytes: 1024, inFlight: 1 },
  { bytes: 1024, inFlight: 128 },
  { bytes: 65_536, inFlight: 16 }
]
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7)
const ROUND_MS = Number(process.env.BENCH_ROUND_MS ?? 700)

export const bench: Bench = async () => {
  await using server = await startPeer<Addresses>(new URL('./rpc-server.ts', import.meta.url))
  const { addresses } = server
  const lumos = await connectLumos(addresses.lumos)
  const bareTls = await connectTls(addresses.tls)
  const grpc = connectGrpc(addresses.grpc)
  const results: BenchResult[] = []

  for (const { bytes, inFlight } of CASES) {
    const payload = randomBytes(bytes)
    const echoes: Record<string, Echo> = {
      lumos,
      grpc,
      http: connectHttp(addresses.http, inFlight),
      tls: bareTls
    }
    const measured = await takeTurns(
      Object.entries(echoes).map(([name, echo]) => ({
        name,
        round: () => calls(echo, payload, inFlight)
      })),
      ROUNDS,
      server
    )
    results.push(
      ...report(`${bytes / 1024} KiB each way, ${inFlight} in flight`, measured, {
        unit: 'calls',
        baseline: 'grpc',
        suffix: ` ${bytes / 1024} KiB × ${inFlight}`
      })
    )
  }
  return results
}

async function connectLumos(addresses: string[]): Promise<Echo> {
  const peer = await createPeer()
  const connection = await peer.dial(addresses.map(address => multiaddr(address)))
  const client = new InferenceClient({
    clock: systemClock,
    openStream: options => connection.newStream(INFERENCE_PROTOCOL, options)
  })
  return async payload => {
    const tensors = { x: { type: 'uint8', dims: [payload.byteLength], data: payload } }
    let output: typeof tensors | undefined
    const chunks = client.infer({
      id: randomUUID(),
      task: 'tensor',
      model: 'echo',
      input: { tensors },
      params: {},
      budgetMs: 60_000
    })
    for await (const chunk of chunks) {
      if (chunk.type === 'output') output = (chunk.output as { tensors: typeof tensors }).tensors
    }
    return output!.x.data
  }
}

async function calls(
  echo: Echo,
  payload: Uint8Array,
  inFlight: number
): Promise<{ amount: number; ms: number }> {
  const startedMs = performance.now()
  const endMs = startedMs + ROUND_MS
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
