/** The listener of `bulk`: takes everything and says when it has come. */

import { type AddressInfo, createServer } from 'node:net'
import { systemClock } from '../interface/clock.ts'
import type { Inference } from '../interface/inference.ts'
import { INFERENCE_PROTOCOL, InferenceHandler } from '../protocols/inference/index.ts'
import { FrameStream } from '../protocols/wire/frames.ts'
import { BULK_PROTOCOL } from './bulk.ts'
import { announce } from './harness.ts'
import { createPeer } from './peers.ts'

const peer = await createPeer(['/ip4/127.0.0.1/tcp/0'])
await peer.handle(BULK_PROTOCOL, async stream => {
  const frames = new FrameStream(stream, { inPieces: 0 })
  while ((await frames.read()) !== undefined);
  await frames.write(0, new Uint8Array(0))
  await frames.close()
})

/** Takes tensors and gives none back. */
const swallow: Inference = {
  async *infer() {
    yield { type: 'output', index: 0, output: { tensors: {} } }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
  }
}
const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
const handler = new InferenceHandler({ service: swallow, clock: systemClock, log })
await peer.handle(INFERENCE_PROTOCOL, handler.onStream)

// Nothing is echoed: ending our side tells the sender that all of its has come.
const server = createServer({ allowHalfOpen: true }, socket => {
  socket.resume().on('end', () => socket.end())
})
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))

announce({ lumos: peer.getMultiaddrs().map(String), tcp: (server.address() as AddressInfo).port })
