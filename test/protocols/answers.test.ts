/** Kept answers between two peers, and what a hostile peer on either side can do. */

import assert from 'node:assert/strict'
import type { Stream } from '@libp2p/interface'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { newAnswerId } from '../../interface/answers.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { FRAME, NOTE_BYTES_MAX } from '../../protocols/answers/codec.ts'
import { AnswersHandler, RemoteAnswer } from '../../protocols/answers/index.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { connectPeers, type Peers } from './peers.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const PATIENCE_MS = 300
const READERS_MAX = 4
/** Chunks of 32,000 characters, of which one less fit into 16 Mi. */
const MORE_THAN_ONE_ANSWER = 525
const id = newAnswerId()
const text = (index: number, words = 'a '): InferenceChunk => ({ type: 'text', index, text: words })
const info = {
  ...{ id, state: 'running' as const, chunks: 0, task: 'text-generation', model: 'm', peerId: 'p' },
  ...{ durable: true, createdAtMs: 1, error: null }
}

describe('an answer of a peer', () => {
  let peers: Peers
  let opened: { from: number; taken: number; left: boolean }[]
  let chunksFrom: (from: number) => Generator<InferenceChunk>

  beforeEach(async () => {
    peers = await connectPeers()
    opened = []
    chunksFrom = function* (from) {
      for (let i = from; i < 5; i++) yield text(i)
    }
    await serve({ writePatienceMs: PATIENCE_MS, framePatienceMs: PATIENCE_MS })
  })
  afterEach(() => peers[Symbol.asyncDispose]())

  const serve = async (patience: ConstructorParameters<typeof AnswersHandler>[1]) => {
    const handler = new AnswersHandler(
      {
        ...{ clock: systemClock, log },
        async open(_, { from }) {
          if (from === 404) throw new LumosError('ANSWER_UNKNOWN', 'There is none.')
          const reading = { from, taken: 0, left: false }
          opened.push(reading)
          const chunks = async function* () {
            try {
              for (const chunk of chunksFrom(from)) {
                reading.taken++
                yield chunk
              }
            } finally {
              reading.left = true
            }
          }
          return { info, note: { head: '{}', bytes: new Uint8Array(300_000).fill(1) }, chunks: chunks() }
        }
      },
      { ...patience, readersMax: READERS_MAX }
    )
    await peers.listener.handle('/lumos/answers/1', handler.onStream, { maxInboundStreams: 128, force: true })
  }

  const dial = () => peers.connection.newStream('/lumos/answers/1', { maxOutboundStreams: 128 })
  const open = async (from = 0) =>
    await RemoteAnswer.open(await dial(), { id, from, follow: true }, { clock: systemClock })

  it('comes with its note, from the chunk that is asked for, and ends as it ended', async () => {
    const answer = await open(2)
    assert.deepEqual(answer.note, { head: '{}', bytes: new Uint8Array(300_000).fill(1) })
    assert.deepEqual(answer.info, info)
    assert.deepEqual(
      (await Array.fromAsync(answer.chunks())).map(({ index }) => index),
      [2, 3, 4]
    )
    chunksFrom = function* (from) {
      yield text(from)
      throw new LumosError('STREAM_INTERRUPTED', 'It was cut.', { details: { received: 1 } })
    }
    await assert.rejects(Array.fromAsync((await open()).chunks()), {
      code: 'STREAM_INTERRUPTED',
      details: { received: 1 }
    })
    await assert.rejects(open(404), { code: 'ANSWER_UNKNOWN' })
  })

  it.each([
    ['an id that is none', FRAME.ask, encodeControl({ id: '../../etc', from: 0, follow: true })],
    ['an index below zero', FRAME.ask, encodeControl({ id, from: -1, follow: true })],
    ['an index beyond all', FRAME.ask, encodeControl({ id, from: 2 ** 40, follow: true })],
    ['another frame', FRAME.chunks, encodeControl({})],
    ['an ask that is too long', FRAME.ask, new Uint8Array(600)]
  ])('a dialer that sends %s loses the stream, and opens nothing', async (_, type, body) => {
    const frames = new FrameStream(await dial(), { clock: systemClock })
    await frames.write(type, body)
    await assert.rejects(async () => {
      if ((await frames.read()) === undefined) throw new Error('closed')
    })
    assert.deepEqual(opened, [])
  })

  it('a dialer that reads nothing is waited for, and then loses the stream; the answer is left', async () => {
    chunksFrom = function* (from) {
      for (let i = from; ; i++) yield text(i, 'x'.repeat(30_000))
    }
    const stream: Stream = await dial()
    stream.pause()
    const frames = new FrameStream(stream, { clock: systemClock })
    stream.pause()
    await frames.write(FRAME.ask, encodeControl({ id, from: 0, follow: true }))
    while (opened[0]?.left !== true) await new Promise(resolve => setTimeout(resolve, 20))
    // A window, what waits to be sent, and what one peer may leave unread.
    assert.ok(opened[0].taken < 400, `${opened[0].taken} chunks for a peer that reads none`)
  })

  it('is read by a few peers at once, and refused to more', async () => {
    // The first readers read nothing until the last one has asked, which a busy machine makes long.
    await serve({})
    chunksFrom = function* (from) {
      for (let i = from; ; i++) yield text(i, 'x'.repeat(30_000))
    }
    const first = await Promise.all(Array.from({ length: READERS_MAX }, () => open()))
    await assert.rejects(open(), { code: 'OVERLOADED' })
    for (const answer of first) answer.close()
  })

  describe('with a listener that lies', () => {
    const lie = async (frames: Iterable<readonly [number, Uint8Array]>, follow = true) => {
      const serve = async (stream: Stream) => {
        const out = new FrameStream(stream, { clock: systemClock })
        await out.read()
        for (const [type, body] of frames) await out.write(type, body)
      }
      await peers.listener.handle('/lie/1', serve, { force: true })
      return await RemoteAnswer.open(
        await peers.connection.newStream('/lie/1'),
        { id, from: 3, follow },
        { clock: systemClock }
      )
    }
    const head = [FRAME.info, encodeControl({ ...info, noteBytes: 0 })] as const
    const chunks = (...all: InferenceChunk[]) => [FRAME.chunks, encodeControl({ chunks: all })] as const

    it.each([
      ['chunks from another index on', chunks(text(4))],
      ['chunks that it sent already', chunks(text(2))],
      [
        'a chunk of no known form',
        [FRAME.chunks, encodeControl({ chunks: [{ type: 'output', index: 3, output: 1 }] })] as const
      ],
      ['no chunks', chunks()],
      ['another frame', [FRAME.info, encodeControl({})] as const]
    ])('%s are refused', async (_, frame) => {
      await assert.rejects(Array.fromAsync((await lie([head, frame])).chunks()), {
        code: 'PROTOCOL_VIOLATION'
      })
    })

    it('an answer without end is read as far as one answer goes', async () => {
      const endless = function* () {
        yield head
        for (let i = 3; i < 3 + MORE_THAN_ONE_ANSWER; i++) yield chunks(text(i, 'x'.repeat(32_000)))
      }
      const reading = (await lie(endless())).chunks()
      let count = 0
      await assert.rejects(
        async () => {
          for await (const _ of reading) count++
        },
        { code: 'PROTOCOL_VIOLATION', message: /too much text/ }
      )
      assert.equal(count, MORE_THAN_ONE_ANSWER - 1)
    })

    it('a reader that does not follow reads what was stated, and no chunk after the last one is read', async () => {
      const stated = [FRAME.info, encodeControl({ ...info, chunks: 5, noteBytes: 0 })] as const
      const more = chunks(text(3), text(4), text(5))
      const indexes = async (answer: RemoteAnswer) =>
        (await Array.fromAsync(answer.chunks())).map(({ index }) => index)
      assert.deepEqual(await indexes(await lie([stated, more], false)), [3, 4])
      const done: InferenceChunk = { type: 'done', index: 4, finishReason: 'stop', usage: {} }
      assert.deepEqual(await indexes(await lie([stated, chunks(text(3), done, text(5))])), [3, 4])
    })

    it.each([
      ['a note that is too long', [[FRAME.info, encodeControl({ ...info, noteBytes: NOTE_BYTES_MAX + 1 })]]],
      [
        'more of a note than it stated',
        [
          [FRAME.info, encodeControl({ ...info, noteBytes: 2 })],
          [FRAME.note, new Uint8Array(3)]
        ]
      ],
      [
        'a note of nothing',
        [
          [FRAME.info, encodeControl({ ...info, noteBytes: 2 })],
          [FRAME.note, new Uint8Array(0)]
        ]
      ],
      ['chunks before the head', [chunks(text(3))]]
    ] as const)('%s is refused', async (_, frames) => {
      await assert.rejects(lie(frames as never), { code: 'PROTOCOL_VIOLATION' })
    })
  })
})
