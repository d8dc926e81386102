/** One way, as fast as it goes: data frames on a lane, and tensors in requests, against a bare TCP socket. */

import { once } from 'node:events'
import { connect } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { systemClock } from '../interface/clock.ts'
import { prepare } from '../interface/prepare.ts'
import { INFERENCE_PROTOCOL, InferenceClient } from '../protocols/inference/index.ts'
import { FrameStream } from '../protocols/wire/frames.ts'
import { type Bench, rateTable, startPeer, takeTurns } from './harness.ts'
import { createPeer } from './peers.ts'

export const BULK_PROTOCOL = '/lumos/bench/bulk/1'

export interface BulkAddresses {
  readonly lumos: string[]
  readonly tcp: number
}

const ROUNDS = 9
const CHUNK_BYTES = 256 * 1024
const TENSOR_BYTES = 32 * 1024 * 1024
/** What is sent in one round, in tensors. */
const TENSORS = { thorough: 16, quick: 1 }

const chunk = new Uint8Array(CHUNK_BYTES).fill(7)
const tensor = new Uint8Array(TENSOR_BYTES).fill(7)

export const bench: Bench = async options => {
  await using server = await startPeer<BulkAddresses>(new URL('./bulk-server.ts', import.meta.url))
  const { addresses } = server
  const peer = await createPeer()
  const connection = await peer.dial(addresses.lumos.map(address => multiaddr(address)))
  const client = new InferenceClient({
    clock: systemClock,
    openStream: options => connection.newStream(INFERENCE_PROTOCOL, options)
  })

  const tensors = options.quick ? TENSORS.quick : TENSORS.thorough
  const chunks = (tensors * TENSOR_BYTES) / CHUNK_BYTES
  const timed = async (send: () => Promise<void>): Promise<{ amount: number; ms: number }> => {
    const startedMs = performance.now()
    await send()
    return { amount: (tensors * TENSOR_BYTES) / 1e6, ms: performance.now() - startedMs }
  }
  const variants = [
    {
      name: 'lane',
      round: () => timed(async () => sendFrames(await connection.newStream(BULK_PROTOCOL), chunks))
    },
    { name: 'tensors', round: () => timed(() => sendTensors(client, tensors)) },
    { name: 'raw TCP', round: () => timed(() => sendTcp(addresses.tcp, chunks)) }
  ]
  const measured = await takeTurns(variants, { rounds: ROUNDS, ...options }, server)
  return [
    rateTable('Bulk one way, encrypted, beside a socket that is not', measured, {
      unit: 'MB',
      references: ['raw TCP']
    })
  ]
}

/** Until the listener says that it has everything. */
async function sendFrames(stream: Stream, chunks: number): Promise<void> {
  const frames = new FrameStream(stream)
  // A first frame is small.
  await frames.write(0, new Uint8Array(0))
  for (let i = 0; i < chunks; i++) await frames.write(0, chunk)
  await frames.close()
  await frames.read()
}

/** The same bytes as requests of 32 MiB, one after the other: each is put together before it is answered. */
async function sendTensors(client: InferenceClient, count: number): Promise<void> {
  const input = { tensors: { x: { type: 'uint8', dims: [tensor.byteLength], data: tensor } } }
  for (let i = 0; i < count; i++) {
    await Array.fromAsync(
      client.infer(prepare({ id: String(i), task: 'tensor', input, params: {}, budgetMs: 60_000 }))
    )
  }
}

async function sendTcp(port: number, chunks: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  for (let i = 0; i < chunks; i++) {
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
  socket.end()
  await once(socket.resume(), 'end')
}
