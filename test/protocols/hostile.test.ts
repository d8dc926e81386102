/** What a peer can do to the inference protocol, and what becomes of the peers beside it. */

import assert from 'node:assert/strict'
import type { Connection, Stream } from '@libp2p/interface'
import fc from 'fast-check'
import type { Libp2p } from 'libp2p'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import type { InferenceChunk, InferenceRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { prepare } from '../../interface/prepare.ts'
import { encodeRequest } from '../../protocols/inference/codec.ts'
import { INFERENCE_PROTOCOL, InferenceClient, InferenceHandler } from '../../protocols/inference/index.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import {
  INFERENCE_STREAMS_INBOUND_MAX,
  UNSENT_BYTES_PER_PEER_MAX,
  WRITE_BUFFER_BYTES_HIGH,
  WRITE_PATIENCE_MS,
  YAMUX_LIMITS
} from '../../protocols/wire/limits.ts'
import { MessageReader, messageFrames, TYPE } from '../../protocols/wire/messages.ts'
import { connectPeers, createPeer, type Peers } from './peers.ts'

const REQUEST = prepare({
  id: 'r',
  task: 'tensor',
  input: { tensors: { x: { type: 'uint8', dims: [4], data: Uint8Array.of(1, 2, 3, 4) } } },
  params: {},
  budgetMs: 20_000
})
/** Short, so that a test needs no patience; long enough for an honest peer beside a busy one. */
const PATIENCE_MS = 300
/** What a frame writer gathers before it sends. */
const FLUSHED_BYTES = 64 * 1024

describe('a hostile peer', () => {
  let peers: Peers
  /** Another peer of the same listener, whose calls nothing may harm. */
  let neighbour: Libp2p
  let neighbourConnection: Connection
  let honest: InferenceClient
  let handler: InferenceHandler
  let codes: string[] = []
  let running = 0
  let aborted = 0
  let produced = 0

  async function* serve(
    request: InferenceRequest,
    { signal }: AbortOptions = {}
  ): AsyncGenerator<InferenceChunk> {
    running++
    try {
      if (request.task === 'text-generation') {
        for (let index = 0; ; index++) {
          signal?.throwIfAborted()
          yield { type: 'text', index, text: 'x'.repeat(8000) }
          produced++
        }
      }
      yield { type: 'output', index: 0, output: request.input }
      yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
    } finally {
      running--
      if (signal?.aborted) aborted++
    }
  }

  beforeAll(async () => {
    peers = await connectPeers()
    neighbour = await createPeer()
    neighbourConnection = await neighbour.dial(peers.listener.getMultiaddrs())
  })
  afterAll(async () => {
    await neighbour.stop()
    await peers[Symbol.asyncDispose]()
  })

  beforeEach(async () => {
    codes = []
    running = aborted = produced = 0
    await serveWith(PATIENCE_MS)
    honest = new InferenceClient({
      clock: systemClock,
      openStream: options => neighbourConnection.newStream(INFERENCE_PROTOCOL, options)
    })
    await honestCall()
  })

  async function serveWith(writePatienceMs: number): Promise<void> {
    const note = (fields: { code?: string }): void => void codes.push(fields.code ?? '')
    const log = { debug: note, info: note, warn: note, error: note }
    handler = new InferenceHandler(
      { service: { infer: serve }, clock: systemClock, log },
      { framePatienceMs: PATIENCE_MS, writePatienceMs, callsPerPeerMax: 64 }
    )
    await peers.listener.handle(INFERENCE_PROTOCOL, handler.onStream, {
      maxInboundStreams: INFERENCE_STREAMS_INBOUND_MAX,
      force: true
    })
  }

  // Whatever was done to the listener, it answers its other peers as before.
  afterEach(async () => {
    await Promise.all(Array.from({ length: 20 }, honestCall))
    await until(() => running === 0)
    await honest.close()
    handler.close()
    await until(() => openStreams(peers.connection) + openStreams(neighbourConnection) === 0)
    await peers.listener.unhandle(INFERENCE_PROTOCOL)
  })

  async function honestCall(): Promise<void> {
    assert.equal((await Array.fromAsync(honest.infer(REQUEST))).length, 2)
  }

  /** What waits at the listener to be sent to the hostile peer. */
  const unsentBytes = (): number => {
    let bytes = 0
    for (const connection of peers.listener.getConnections(peers.dialer.peerId)) {
      for (const { writeBufferLength } of connection.streams) bytes += writeBufferLength
    }
    return bytes
  }

  const open = (): Promise<Stream> =>
    peers.connection.newStream(INFERENCE_PROTOCOL, { maxOutboundStreams: 1000 })

  const opened = async (): Promise<FrameStream> => new FrameStream(await open())

  /** The listener has reset the stream and logged why. */
  async function isReset(stream: Stream, code: string): Promise<void> {
    stream.addEventListener('message', () => {})
    await until(() => stream.status === 'reset')
    assert.deepEqual(codes, [code])
  }

  const request = (number: number, task: InferenceRequest['task'] = 'tensor') => {
    const input =
      task === 'tensor' ? REQUEST.input : { messages: [{ role: 'user', content: 'Go on for ever.' }] }
    const { control, data } = encodeRequest(prepare({ ...REQUEST, task, input }))
    return messageFrames(TYPE.request, number, 0, control, data)
  }

  /** Types of the messages that come, as many as asked for. */
  async function replies(frames: FrameStream, count: number): Promise<number[]> {
    const reader = new MessageReader()
    const types: number[] = []
    while (types.length < count) {
      const frame = await frames.read()
      assert.ok(frame, 'the stream ended')
      const message = reader.push(frame)
      if (message !== undefined) types.push(message.type)
    }
    return types
  }

  describe('loses its stream', () => {
    const byteCases: [string, Uint8Array, string][] = [
      ['for a first frame over 16 KiB', Uint8Array.of(0x81, 0x80, 0x01, 1), 'FRAME_TOO_LARGE'],
      ['for a frame of 256 MiB', Uint8Array.of(0xff, 0xff, 0xff, 0x7f, 1), 'FRAME_TOO_LARGE'],
      ['for a length of five bytes', Uint8Array.of(0x80, 0x80, 0x80, 0x80, 1), 'PROTOCOL_VIOLATION'],
      ['for half a frame that stays half', Uint8Array.of(100, 1, 1, 0), 'SLOW_PEER']
    ]
    it.each(byteCases)('%s', async (_, bytes, code) => {
      const stream = await open()
      stream.send(bytes)
      await isReset(stream, code)
    })

    it('for a frame that ends with the stream', async () => {
      const stream = await open()
      stream.send(Uint8Array.of(100, 1, 1, 0))
      await stream.close()
      await isReset(stream, 'PROTOCOL_VIOLATION')
    })

    const frameCases: [string, (frames: FrameStream) => Promise<void>, string][] = [
      [
        'for a type that is not known',
        frames => frames.write(99, Uint8Array.of(1, 0, 0)),
        'PROTOCOL_VIOLATION'
      ],
      ['for a head that is malformed', frames => frames.write(1, Uint8Array.of(0xff)), 'PROTOCOL_VIOLATION'],
      [
        'for cancelling a call that was not made',
        async frames => void frames.writeAll(messageFrames(TYPE.cancel, 7, 0, new Uint8Array(0))),
        'PROTOCOL_VIOLATION'
      ],
      [
        'for data that no request announced',
        frames => frames.write(TYPE.data, new Uint8Array(10)),
        'PROTOCOL_VIOLATION'
      ],
      [
        'for more data than was announced',
        async frames => {
          await frames.write(TYPE.request, Uint8Array.of(1, 0, 1, 2, 0xf6))
          await frames.write(TYPE.data, new Uint8Array(3))
        },
        'PROTOCOL_VIOLATION'
      ],
      [
        'for empty data, which would go on for ever',
        async frames => {
          await frames.write(TYPE.request, Uint8Array.of(1, 0, 1, 2, 0xf6))
          await frames.write(TYPE.data, new Uint8Array(0))
        },
        'PROTOCOL_VIOLATION'
      ],
      [
        'for a request inside another',
        async frames => {
          await frames.write(TYPE.request, Uint8Array.of(1, 0, 1, 2, 0xf6))
          await frames.writeAll(request(2))
        },
        'PROTOCOL_VIOLATION'
      ],
      [
        'for announcing 66 values',
        frames => frames.write(TYPE.request, Uint8Array.of(1, 0, 66, ...Array(66).fill(1))),
        'PROTOCOL_VIOLATION'
      ],
      [
        'for announcing 4 GB',
        frames => frames.write(TYPE.request, Uint8Array.of(1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f)),
        'PROTOCOL_VIOLATION'
      ],
      [
        'for a request that is never completed',
        frames => frames.write(TYPE.request, Uint8Array.of(1, 0, 1, 2, 0xf6)),
        'SLOW_PEER'
      ]
    ]
    it.each(frameCases)('%s', async (_, attack, code) => {
      const frames = await opened()
      await attack(frames)
      await isReset(frames.stream, code)
    })

    it('for data that trickles in', async () => {
      const frames = await opened()
      await frames.write(TYPE.request, Uint8Array.of(1, 0, 1, 100, 0xf6))
      frames.flush()
      const { stream } = frames
      stream.send(Uint8Array.of(100, TYPE.data))
      // Each byte is a piece that is taken at once, and still the frame has only its time.
      while (codes.length === 0 && stream.status === 'open') {
        stream.send(Uint8Array.of(0))
        const nextMs = performance.now() + PATIENCE_MS / 20
        await until(() => performance.now() > nextMs)
      }
      await isReset(stream, 'SLOW_PEER')
    })

    it('for frames of one byte, each in time, that never make a message', async () => {
      const frames = await opened()
      await frames.write(TYPE.request, Uint8Array.of(1, 0, 1, 0x80, 0x80, 0x01, 0xf6))
      frames.flush()
      const { stream } = frames
      while (codes.length === 0 && stream.status === 'open') {
        stream.send(Uint8Array.of(1, TYPE.data, 0))
        const nextMs = performance.now() + PATIENCE_MS / 20
        await until(() => performance.now() > nextMs)
      }
      await isReset(stream, 'SLOW_PEER')
    })

    it('for using the number of a call twice', async () => {
      const frames = await opened()
      await frames.writeAll(request(1))
      assert.deepEqual(await replies(frames, 2), [17, TYPE.done])
      await frames.writeAll(request(1))
      await isReset(frames.stream, 'PROTOCOL_VIOLATION')
    })

    it('for reading nothing of a long answer, and the engine stops', async () => {
      const frames = await opened()
      await frames.writeAll(request(1, 'text-generation'))
      frames.flush()
      await until(() => codes.length > 0)
      assert.deepEqual(codes, ['SLOW_PEER'])
      await until(() => aborted === 1)
      const windowBytes = YAMUX_LIMITS.streamOptions.maxStreamWindowSize
      assert.ok(produced * 8000 < windowBytes + 4 * WRITE_BUFFER_BYTES_HIGH, `${produced} chunks produced`)
    })
  })

  it('that sends its request byte by byte gets its answer', async () => {
    const stream = await open()
    const frames = new FrameStream(stream)
    const bytes: number[] = []
    for (const [type, body] of request(1)) {
      const whole = Buffer.concat(Array.isArray(body) ? body : [body as Uint8Array])
      assert.ok(whole.length < 128)
      bytes.push(whole.length, type, ...whole)
    }
    for (const byte of bytes) stream.send(Uint8Array.of(byte))
    assert.deepEqual(await replies(frames, 2), [17, TYPE.done])
    frames.abort(new Error('enough'))
  })

  it.each([
    ['whose control body is not CBOR', Uint8Array.of(0xff)],
    ['that is no map', encodeControl(7)],
    ['with a task from the future', encodeControl({ ...REQUEST, task: 'mind-reading', input: 1 })],
    ['with a budget of years', encodeControl({ ...REQUEST, input: 1, budgetMs: 1e12 })],
    ['with values that did not come', encodeRequest(REQUEST).control]
  ])('is told of a request %s, and its other calls go on', async (_, control) => {
    const frames = await opened()
    await frames.writeAll(messageFrames(TYPE.request, 1, 0, control))
    assert.deepEqual(await replies(frames, 1), [TYPE.error])
    await frames.writeAll(request(2))
    assert.deepEqual(await replies(frames, 2), [17, TYPE.done])
    assert.deepEqual(codes, [])
    await frames.close()
  })

  it('that sends random bytes loses its streams and nothing else', async () => {
    const samples = fc.sample(fc.uint8Array({ minLength: 5, maxLength: 3000 }), { numRuns: 150, seed: 7 })
    for (const bytes of samples) {
      const stream = await open()
      stream.addEventListener('message', () => {})
      stream.send(bytes)
      // What by chance began a frame is cut off, so that nothing is left to wait for.
      await stream.close()
      await until(() => stream.status !== 'open' && stream.status !== 'closing')
    }
    const expected = ['FRAME_TOO_LARGE', 'PROTOCOL_VIOLATION']
    assert.ok(codes.length > 100 && codes.every(code => expected.includes(code)), codes.join())
  })

  it('that asks on and on without reading answers loses its stream', async () => {
    const frames = await opened()
    const asking = (async () => {
      for (let number = 1; ; number++) await frames.writeAll(request(number))
    })()
    await assert.rejects(asking, { code: 'PEER_UNREACHABLE' })
    assert.deepEqual(codes, ['SLOW_PEER'])
  })

  it('that reads nothing of many long answers loses each of their streams, and all of them hold little', async () => {
    const held: FrameStream[] = []
    for (let i = 0; i < INFERENCE_STREAMS_INBOUND_MAX; i++) {
      const frames = await opened()
      await frames.writeAll(request(1, 'text-generation'))
      frames.flush()
      held.push(frames)
    }
    let heldMax = 0
    await until(() => {
      heldMax = Math.max(heldMax, unsentBytes())
      return codes.length === held.length
    })
    assert.deepEqual(new Set(codes), new Set(['SLOW_PEER']))
    // Beside the budget, what each stream was given when it was empty.
    const bytesMax = UNSENT_BYTES_PER_PEER_MAX + held.length * 2 * FLUSHED_BYTES
    assert.ok(heldMax > UNSENT_BYTES_PER_PEER_MAX / 2 && heldMax < bytesMax, `${heldMax} bytes were held`)
  })

  it('that reads one answer and leaves others unread gets all of the one', async () => {
    await serveWith(WRITE_PATIENCE_MS)
    const held: FrameStream[] = []
    for (let i = 0; i < INFERENCE_STREAMS_INBOUND_MAX - 2; i++) {
      const frames = await opened()
      await frames.writeAll(request(1, 'text-generation'))
      frames.flush()
      held.push(frames)
    }
    await until(() => unsentBytes() > UNSENT_BYTES_PER_PEER_MAX)
    const read = await opened()
    await read.writeAll(request(1, 'text-generation'))
    // More than windows and buffers hold, so that it goes on only as it is read.
    assert.equal((await replies(read, 1000)).length, 1000)
    for (const frames of [read, ...held]) frames.abort(new Error('enough'))
  })

  it('that keeps many requests half sent makes nobody keep their bytes', async () => {
    const before = process.memoryUsage().arrayBuffers
    const attacks: FrameStream[] = []
    for (let i = 0; i < INFERENCE_STREAMS_INBOUND_MAX - 4; i++) {
      const frames = await opened()
      // 60 MB announced by each, one byte sent.
      await frames.write(TYPE.request, Uint8Array.of(1, 0, 1, 0x80, 0x8e, 0xce, 0x1c, 0xf6))
      await frames.write(TYPE.data, Uint8Array.of(1))
      attacks.push(frames)
    }
    await honestCall()
    const grownBytes = process.memoryUsage().arrayBuffers - before
    // One at a time is kept; those of some that were given up meanwhile are not collected yet.
    assert.ok(grownBytes < 250_000_000, `${grownBytes} bytes more`)
    await until(() => codes.length === attacks.length)
    assert.ok(codes.every(code => code === 'SLOW_PEER'))
  })

  it('that opens streams on and on gets as many as one peer may have', async () => {
    const streams = await Promise.allSettled(Array.from({ length: 60 }, open))
    const alive = (): Stream[] =>
      streams.flatMap(result =>
        result.status === 'fulfilled' && result.value.status === 'open' ? [result.value] : []
      )
    await until(() => alive().length <= INFERENCE_STREAMS_INBOUND_MAX)
    await honestCall()
    for (const stream of alive()) stream.abort(new Error('enough'))
  })

  it('that cancels what it asks at once leaves no work behind', async () => {
    const frames = await opened()
    for (let number = 1; number <= 500; number++) {
      await frames.writeAll(request(number, 'text-generation'))
      await frames.writeAll(messageFrames(TYPE.cancel, number, 0, new Uint8Array(0)))
      if (number % 20 === 0) while (frames.take() !== undefined);
      if (number % 50 === 0) await frames.read()
    }
    frames.abort(new Error('enough'))
    await until(() => running === 0)
  })
})

const openStreams = (connection: Connection): number =>
  connection.streams.filter(({ protocol }) => INFERENCE_PROTOCOL.includes(protocol)).length

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}
