/** One way, as fast as it goes: data frames on a lane, and tensors in requests, against a bare TCP socket. */

import { once } from 'node:events'
import { connect } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { systemClock } from '../interface/clock.ts'
import { FrameStream } from '../protocols/frames.ts'
import { INFERENCE_PROTOCOL, InferenceClient } from '../protocols/inference/index.ts'
import { type Bench, report, startPeer, takeTurns } from './harness.ts'
import { createPeer } from './peers.ts'

export const BULK_PROTOCOL = '/lumos/bench/bulk/1'

export interface BulkAddresses {
  readonly lumos: string[]
  readonly tcp: number
}

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7)
const MEGABYTES = Number(process.env.BENCH_MEGABYTES ?? 512)
const CHUNK_BYTES = Number(process.env.BENCH_CHUNK_BYTES ?? 256 * 1024)

const chunk = new Uint8Array(CHUNK_BYTES).fill(7)
const tensor = new Uint8Array(32 * 1024 * 1024).fill(7)
const chunks = Math.ceil((MEGABYTES * 1_000_000) / CHUNK_BYTES)
const megabytes = (chunks * CHUNK_BYTES) / 1_000_000

export const bench: Bench = async () => {
  await using server = await startPeer<BulkAddresses>(new URL('./bulk-server.ts', import.meta.url))
  const { addresses } = server
  const peer = await createPeer()
  const connection = await peer.dial(addresses.lumos.map(address => multiaddr(address)))

  const client = new InferenceClient({
    clock: systemClock,
    openStream: options => connection.newStream(INFERENCE_PROTOCOL, options)
  })

  const measured = await takeTurns(
    [
      { name: 'lane', round: async () => timed(sendFrames(await connection.newStream(BULK_PROTOCOL))) },
      { name: 'tensors', round: () => timed(sendTensors(client)) },
      { name: 'tcp', round: () => timed(sendTcp(addresses.tcp)) }
    ],
    ROUNDS,
    server
  )
  return report(`${Math.round(megabytes)} MB one way, ${CHUNK_BYTES / 1024} KiB at a time`, measured, {
    unit: 'MB',
    baseline: 'tcp'
  })
}

async function timed(sent: Promise<void>): Promise<{ amount: number; ms: number }> {
  const startedMs = performance.now()
  await sent
  return { amount: megabytes, ms: performance.now() - startedMs }
}

/** Until the listener says that it has everything. */
async function sendFrames(stream: Stream): Promise<void> {
  const frames = new FrameStream(stream)
  // A first frame is small.
  await frames.write(0, new Uint8Array(0))
  for (let i = 0; i < chunks; i++) await frames.write(0, chunk)
  await frames.close()
  await frames.read()
}

/** The same bytes as requests of 32 MiB, one after the other: each is put together before it is answered. */
async function sendTensors(client: InferenceClient): Promise<void> {
  const count = Math.round((chunks * CHUNK_BYTES) / tensor.byteLength)
  const input = { tensors: { x: { type: 'uint8', dims: [tensor.byteLength], data: tensor } } }
  for (let i = 0; i < count; i++) {
    await Array.fromAsync(
      client.infer({ id: String(i), task: 'tensor', input, params: {}, budgetMs: 60_000 })
    )
  }
}

async function sendTcp(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  for (let i = 0; i < chunks; i++) {
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
  socket.end()
  await once(socket.resume(), 'end')
}
