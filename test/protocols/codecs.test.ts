import assert from 'node:assert/strict'
import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { z } from 'zod'
import { LumosError, OverloadedError, ProtocolViolationError } from '../../interface/errors.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import { prepare } from '../../interface/prepare.ts'
import { RemoteCall } from '../../protocols/inference/call.ts'
import { chunkFrames, decodeChunk, decodeRequest, encodeRequest } from '../../protocols/inference/codec.ts'
import { ServedCall } from '../../protocols/inference/served-call.ts'
import { decode } from '../../protocols/wire/cbor/decode.ts'
import { encode } from '../../protocols/wire/cbor/encode.ts'
import { attach, decodeControl, detach, encodeControl } from '../../protocols/wire/control.ts'
import { decodeError, encodeError } from '../../protocols/wire/errors.ts'
import { type Frame, FrameParser } from '../../protocols/wire/frame-parser.ts'
import { FrameWriter } from '../../protocols/wire/frame-writer.ts'
import { ATTACHMENTS_MAX, CONTROL_DEPTH_MAX, FRAME_BYTES_MAX } from '../../protocols/wire/limits.ts'
import { type Message, MessageReader, messageFrames, TYPE } from '../../protocols/wire/messages.ts'

/** Values that a control body can hold, with all kinds of keys and numbers. */
const values = fc.letrec(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter(n => !Object.is(n, -0)),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string({ unit: 'grapheme', maxLength: 20 }).filter(key => key !== '__proto__' && key.isWellFormed()),
      tie('value'),
      { maxKeys: 6, noNullPrototype: true }
    )
  )
})).value

/** Right bytes with one of them changed: far likelier to reach deep into a decoder than chance. */
const damaged = (bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(bytes, fc.nat(), fc.nat(255)).map(([whole, at, byte]) => {
    const copy = Uint8Array.from(whole)
    if (copy.length > 0) copy[at % copy.length] = byte
    return copy
  })

const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged(values.map(value => encode(value))))

/** Runs `decoder` on whatever comes; only errors with a code may leave it. */
function isTotal(decoder: (bytes: Uint8Array) => unknown, bytes: Uint8Array): unknown {
  try {
    return decoder(bytes)
  } catch (err) {
    assert.ok(err instanceof LumosError, `threw ${err}`)
    assert.ok(['PROTOCOL_VIOLATION', 'FRAME_TOO_LARGE'].includes(err.code), err.code)
    return undefined
  }
}

/** Cuts bytes into chunks at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map(place => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

function takeAll(parser: FrameParser): Frame[] {
  const frames: Frame[] = []
  for (let frame = parser.take(FRAME_BYTES_MAX); frame; frame = parser.take(FRAME_BYTES_MAX))
    frames.push(frame)
  return frames
}

/** What a writer sends for these frames. */
function wireOf(frames: Iterable<readonly [number, Uint8Array | readonly Uint8Array[]]>): Buffer {
  const sent: Uint8Array[] = []
  const writer = new FrameWriter(bytes => sent.push(bytes instanceof Uint8Array ? bytes : bytes.subarray()))
  for (const [type, body] of frames) writer.add(type, body)
  writer.flush()
  return Buffer.concat(sent)
}

/** The messages that frames make, after their way over a wire. */
function messagesOf(frames: Iterable<readonly [number, Uint8Array | readonly Uint8Array[]]>): Message[] {
  const parser = new FrameParser()
  const reader = new MessageReader()
  parser.push(wireOf(frames))
  return takeAll(parser)
    .map(frame => reader.push(frame))
    .filter(message => message !== undefined)
}

const runs = (numRuns: number) => ({ numRuns })

describe('control bodies', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(values, value => assert.deepEqual(decode(encode(value)), value)),
      runs(6000)
    )
  })

  it('are encoded as @ipld/dag-cbor encodes them', () => {
    fc.assert(
      fc.property(values, value =>
        assert.deepEqual(Buffer.from(encode(value)), Buffer.from(dagCbor.encode(value)))
      ),
      runs(4000)
    )
  })

  it('are a value in its only encoding or a typed error, and never more than @ipld/dag-cbor accepts', () => {
    fc.assert(
      fc.property(anyBytes, bytes => {
        const value = isTotal(decode, bytes)
        if (value === undefined) return
        assert.deepEqual(Buffer.from(encode(value)), Buffer.from(bytes))
        assert.deepEqual(value, dagCbor.decode(bytes))
      }),
      runs(12_000)
    )
  })

  it.each([
    ['a repeated key', 'a2616101616102'],
    ['keys out of order', 'a2616201616101'],
    ['an indefinite length', '9f01ff'],
    ['a padded integer', '1801'],
    ['an integer as a float', 'fb3ff0000000000000'],
    ['NaN', 'fb7ff8000000000000'],
    ['a half-precision float', 'f93e00'],
    ['undefined', 'f7'],
    ['a tag', 'd82a4100'],
    ['an integer beyond 2^53', '1b0020000000000000'],
    ['text that is not UTF-8', '61ff'],
    ['a key that is a number', 'a10101'],
    ['__proto__ as a key', 'a1695f5f70726f746f5f5f01'],
    ['bytes after the value', '0101'],
    ['too few bytes', '6261'],
    ['a count far beyond the bytes', '9b001fffffffffffff']
  ])('are refused with %s', (_, hex) => {
    assert.throws(() => decode(Buffer.from(hex, 'hex')), { code: 'PROTOCOL_VIOLATION' })
  })

  it('may be nested 16 deep and no deeper', () => {
    const nested = (depth: number): Uint8Array => Buffer.from([...Array(depth).fill(0x81), 0xf6])
    assert.ok(decode(nested(CONTROL_DEPTH_MAX)))
    assert.throws(() => decode(nested(CONTROL_DEPTH_MAX + 1)), { code: 'PROTOCOL_VIOLATION' })
    assert.throws(() => decode(nested(100_000)), { code: 'PROTOCOL_VIOLATION' })
    assert.throws(() => encode(dagCbor.decode(nested(CONTROL_DEPTH_MAX + 1))), { code: 'INVALID_INPUT' })
  })

  it.each([
    ['a function', () => {}],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['half a surrogate pair', '\ud800'],
    ['a date', new Date(0)],
    ['more than a frame', 'x'.repeat(2 ** 20)]
  ])('cannot be made of %s', (_, value) => {
    assert.throws(() => encode({ value }), LumosError)
  })

  it('of many members are encoded as @ipld/dag-cbor encodes them', () => {
    const members = fc.dictionary(
      fc.string({ maxLength: 6 }).filter(key => key !== '__proto__'),
      fc.nat(9),
      {
        minKeys: 17,
        maxKeys: 60,
        noNullPrototype: true
      }
    )
    fc.assert(
      fc.property(members, value =>
        assert.deepEqual(Buffer.from(encode(value)), Buffer.from(dagCbor.encode(value)))
      ),
      runs(300)
    )
  })

  it('leave out what is undefined', () => {
    assert.deepEqual(decode(encode({ a: undefined, b: 1 })), { b: 1 })
  })

  it('that a schema does not accept are a violation that names the place', () => {
    const schema = z.strictObject({ a: z.object({ b: z.int() }) })
    assert.throws(() => decodeControl(schema, encodeControl({ a: { b: 'x' } })), {
      code: 'PROTOCOL_VIOLATION',
      message: /a\.b/
    })
  })
})

describe('binary values', () => {
  it('leave a control body and come back to their places', () => {
    fc.assert(
      fc.property(values, value => {
        const { control, data } = detach(value)
        assert.deepEqual(attach(control, data), value)
      }),
      runs(3000)
    )
  })

  it('that are named and missing, unnamed, or out of order are a violation', () => {
    const { control, data } = detach({ a: Uint8Array.of(1), b: Uint8Array.of(2, 3) })
    for (const lie of [[], [data[0]!], [...data, Uint8Array.of(4)]]) {
      assert.throws(() => attach(control, lie), ProtocolViolationError)
    }
    const swapped = encode({ a: Uint8Array.of(1), b: Uint8Array.of(0) })
    assert.throws(() => attach(swapped, data), ProtocolViolationError)
  })

  it('are at most 64', () => {
    const many = Array.from({ length: ATTACHMENTS_MAX + 1 }, () => Uint8Array.of(1))
    assert.throws(() => detach(many), LumosError)
  })
})

describe('frames', () => {
  const frames = fc.array(
    fc.tuple(
      fc.nat(255),
      fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(70_000).fill(9)))
    ),
    { maxLength: 8 }
  )

  it('come back however the wire cuts them', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 12 }), (sent, places) => {
        const parser = new FrameParser()
        const received: Frame[] = []
        for (const chunk of cut(wireOf(sent), places)) {
          parser.push(chunk)
          received.push(...takeAll(parser))
        }
        assert.deepEqual(
          received.map(({ type, body }) => [type, Buffer.from(body)]),
          sent.map(([type, body]) => [type, Buffer.from(body)])
        )
        assert.equal(parser.partial, false)
      }),
      runs(3000)
    )
  })

  it('of the type that may come in pieces bring the same bytes, none of them late', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 12 }), (sent, places) => {
        const bulk = 7
        const typed = sent.map(([type, body]) => [type % 2 === 0 ? bulk : 8, body] as const)
        const parser = new FrameParser(bulk)
        const received: [number, Buffer][] = []
        let pushed = 0
        for (const chunk of cut(wireOf(typed), places)) {
          parser.push(chunk)
          pushed += chunk.length
          for (const { type, body } of takeAll(parser)) received.push([type, Buffer.from(body)])
          const taken = received
            .filter(([type]) => type === bulk)
            .reduce((sum, [, body]) => sum + body.length, 0)
          assert.ok(taken <= pushed)
        }
        const whole = (list: readonly (readonly [number, Uint8Array])[], type: number) =>
          Buffer.concat(list.filter(([of]) => of === type).map(([, body]) => body))
        assert.ok(whole(received, bulk).equals(whole(typed, bulk)))
        assert.deepEqual(
          received.filter(([type]) => type === 8),
          typed.filter(([type]) => type === 8).map(([type, body]) => [type, Buffer.from(body)])
        )
        assert.equal(parser.partial, false)
      }),
      runs(1500)
    )
  })

  it('are frames or a typed error, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), bytes => {
        const parser = new FrameParser()
        parser.push(bytes)
        isTotal(() => takeAll(parser), bytes)
      }),
      runs(8000)
    )
  })

  it('over the limit are refused before a byte of their body comes', () => {
    const parser = new FrameParser()
    parser.push(Uint8Array.of(0x81, 0x80, 0x10))
    assert.throws(() => parser.take(FRAME_BYTES_MAX), { code: 'FRAME_TOO_LARGE' })
  })

  it.each([
    ['five bytes', [0x80, 0x80, 0x80, 0x80, 0x01]],
    ['a padded length', [0x81, 0x00]]
  ])('with a length of %s are a violation', (_, bytes) => {
    const parser = new FrameParser()
    parser.push(Uint8Array.from(bytes))
    assert.throws(() => parser.take(FRAME_BYTES_MAX), ProtocolViolationError)
  })

  it('that come byte by byte cost time in proportion to their bytes', () => {
    const dribble = (bytes: number): number => {
      const wire = wireOf([[1, new Uint8Array(bytes)]])
      const startedMs = performance.now()
      const parser = new FrameParser()
      for (let i = 0; i < wire.length; i++) {
        parser.push(wire.subarray(i, i + 1))
        if (parser.take(FRAME_BYTES_MAX) !== undefined) assert.equal(i, wire.length - 1)
      }
      return performance.now() - startedMs
    }
    // The best of several: what else the machine does only adds to it.
    const best = (bytes: number) => Math.min(...Array.from({ length: 5 }, () => dribble(bytes)))
    best(64 * 1024)
    // Quadratic would be 64 times; the rest is room for noise.
    assert.ok(best(256 * 1024) < 20 * best(32 * 1024) + 50)
  })
})

describe('messages', () => {
  const message = fc.record({
    type: fc.integer({ min: 1, max: 255 }),
    call: fc.nat(0xffff_ffff),
    index: fc.nat(0xffff_ffff),
    // An empty control body means that it is the first value.
    control: fc.uint8Array({ minLength: 1, maxLength: 100 }),
    data: fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 5 })
  })

  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), sent => {
        const frames = sent.flatMap(({ type, call, index, control, data }) => [
          ...messageFrames(type, call, index, control, data)
        ])
        assert.deepEqual(plain(messagesOf(frames)), plain(sent))
      }),
      runs(3000)
    )
  })

  it('carry control bodies and values larger than a frame', () => {
    const control = new Uint8Array(300_000).fill(1)
    const data = [new Uint8Array(700_000).fill(2), new Uint8Array(0), new Uint8Array(5).fill(3)]
    const [received] = messagesOf(messageFrames(20, 1, 2, control, data))
    assert.deepEqual(plain([received!]), plain([{ type: 20, call: 1, index: 2, control, data }]))
  })

  it('are messages or a typed error, whatever frames come', () => {
    const frame = fc.record({ type: fc.nat(3), body: fc.uint8Array({ maxLength: 40 }) })
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), frames => {
        const reader = new MessageReader()
        for (const next of frames) {
          if (isTotal(() => reader.push(next) ?? null, next.body) === undefined) return
        }
      }),
      runs(5000)
    )
  })

  it.each([
    ['too many values', [1, 0, 66, ...Array(66).fill(0)]],
    ['too many bytes', [1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a number over 32 bits', [0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0]],
    ['no count', [1, 0]]
  ])('that announce %s are a violation', (_, body) => {
    assert.throws(
      () => new MessageReader().push({ type: 1, body: Uint8Array.from(body) }),
      ProtocolViolationError
    )
  })

  it('that bring more than they announced are a violation', () => {
    const reader = new MessageReader()
    reader.push({ type: 1, body: Uint8Array.of(1, 0, 1, 2, 0xf6) })
    assert.throws(() => reader.push({ type: TYPE.data, body: new Uint8Array(3) }), ProtocolViolationError)
  })

  function plain(messages: readonly Message[]): unknown {
    return messages.map(({ control, data, ...rest }) => ({
      ...rest,
      control: Buffer.from(control),
      data: data?.map(value => Buffer.from(value))
    }))
  }
})

describe('error bodies', () => {
  it('keep code, words, hint and details', () => {
    const err = decodeError(encodeError(new OverloadedError('Full.', 250)))
    assert.equal(err.code, 'OVERLOADED')
    assert.equal(err.message, 'Full.')
    assert.equal(err.details.retryAfterMs, 250)
    const hinted = decodeError(encodeError(new LumosError('DENIED', 'No.', { hint: 'Ask.' })))
    assert.equal(hinted.hint, 'Ask.')
  })

  it('say nothing of what failed unexpectedly', () => {
    const err = decodeError(encodeError(new Error('ENOENT: /home/me/secret')))
    assert.equal(err.code, 'INTERNAL')
    assert.doesNotMatch(err.message, /secret|ENOENT/)
  })

  it('of a code that is not known here are INTERNAL', () => {
    assert.equal(decodeError(encodeControl({ code: 'FROM_THE_FUTURE', message: 'x' })).code, 'INTERNAL')
  })

  it('lose control characters and everything over 1024 characters', () => {
    const err = decodeError(encodeError(new LumosError('DENIED', `\u001b[31m\u202e${'é😀'.repeat(1000)}`)))
    assert.ok(err.message.length <= 1024)
    assert.ok(err.message.isWellFormed())
    assert.doesNotMatch(err.message, /[\p{Cc}\p{Cf}]/u)
    const sent = decodeError(encodeControl({ code: 'DENIED', message: 'a\u0007\nb' }))
    assert.equal(sent.message, 'a b')
  })

  it('are an error or a violation, whatever comes', () => {
    fc.assert(
      fc.property(anyBytes, bytes => void isTotal(decodeError, bytes)),
      runs(2000)
    )
  })
})

describe('inference messages', () => {
  const tensors = fc
    .dictionary(
      fc.string({ minLength: 1, maxLength: 10 }).filter(name => name !== '__proto__'),
      fc.uint8Array({ maxLength: 50 }).map(data => ({ type: 'uint8', dims: [data.length], data })),
      { maxKeys: 4, noNullPrototype: true }
    )
    .map(tensors => ({ tensors }))

  it('carry requests', () => {
    fc.assert(
      fc.property(tensors, fc.option(fc.constant('org/model:tag'), { nil: undefined }), (input, model) => {
        const request = prepare({ id: 'r-1', task: 'tensor', model, input, params: {}, budgetMs: 12.5 })
        const { control, data } = encodeRequest(request)
        const decoded = decodeRequest(control, data)
        assert.deepEqual({ ...decoded, model: decoded.model }, request)
      }),
      runs(1500)
    )
  })

  it('carry schemas that are nested deeper than a control body may be, as text, and take no other text for one', () => {
    const nested = (levels: number): object =>
      levels === 1 ? { type: 'object' } : { not: nested(levels - 1) }
    for (const levels of [1, 12, 13, 64]) {
      const schema = nested(levels)
      const params = {
        tools: [{ name: 'f', parameters: schema }, { name: 'g' }],
        responseFormat: { type: 'json_schema', schema }
      }
      const asked = {
        id: 'r-1',
        task: 'text-generation',
        input: { prompt: 'x' },
        params,
        budgetMs: 1
      } as const
      const { control, data } = encodeRequest(prepare(asked))
      assert.deepEqual(decodeRequest(control, data).params, params)
    }
    for (const parameters of ['{', '['.repeat(100_000)]) {
      const body = {
        ...{ id: 'r', task: 'text-generation', input: {}, budgetMs: 1 },
        params: { tools: [{ parameters }] }
      }
      assert.throws(() => decodeRequest(encode(body), []), ProtocolViolationError)
    }
  })

  it('carry outputs', () => {
    fc.assert(
      fc.property(tensors, output => {
        const [message] = messagesOf(chunkFrames(7, { type: 'output', index: 3, output }))
        assert.equal(message!.call, 7)
        assert.deepEqual(decodeChunk(message!), { type: 'output', index: 3, output })
      }),
      runs(1500)
    )
  })

  it('carry text and the end of an answer', () => {
    for (const chunk of [
      { type: 'text', index: 0, text: 'Grüße 😀' },
      { type: 'text', index: 1, text: 'x'.repeat(100_000) },
      { type: 'done', index: 2, finishReason: 'length', usage: { outputTokens: 2 } }
    ] as const) {
      const [message] = messagesOf(chunkFrames(1, chunk))
      assert.deepEqual(decodeChunk(message!), chunk)
    }
  })

  it('are refused at the end of an answer whose pieces are not those that were sent', async () => {
    const request = prepare({
      ...{ id: 'r', task: 'text-generation', budgetMs: 1000, params: {}, receipt: true },
      input: { prompt: 'a' }
    })
    const pieces: InferenceChunk[] = [
      { type: 'text', index: 0, text: 'Grü' },
      { type: 'progress', index: 1, stage: 'thinking', done: 1 },
      { type: 'delta', index: 1, text: 'ße', tokens: [3] },
      { type: 'done', index: 2, finishReason: 'stop', usage: {} }
    ]
    const served = new ServedCall('asker', 0, () => {})
    served.request = request
    const wires = pieces.map(chunk => messagesOf(served.frames(1, chunk))[0]!)
    const heard = async (messages: readonly Message[]) => {
      const resets: string[] = []
      const call = new RemoteCall(request, Number.POSITIVE_INFINITY, undefined, started =>
        started.run({ ended() {}, cancel() {}, reset: ({ code }) => void resets.push(code) })
      )
      const all = Array.fromAsync(call)
      for (const message of messages) call.onMessage(message)
      return { chunks: await all.catch((err: LumosError) => [err.code, err.details.received]), resets }
    }
    assert.deepEqual(await heard(wires), { chunks: pieces, resets: [] })
    const changed = messagesOf(chunkFrames(1, { type: 'text', index: 0, text: 'Gra' }))
    assert.deepEqual(await heard([...changed, ...wires.slice(1)]), {
      chunks: ['ANSWER_CHANGED', 2],
      resets: ['ANSWER_CHANGED']
    })
    // Lost or doubled, a piece has not the index that is next.
    const [first, ...rest] = wires as [Message, ...Message[]]
    for (const others of [rest, [first, first, ...rest]]) {
      const { chunks, resets } = await heard(others)
      assert.deepEqual([chunks[0], resets], ['PROTOCOL_VIOLATION', ['PROTOCOL_VIOLATION']])
    }
    // An earlier version says nothing of its pieces.
    const plain = messagesOf(chunkFrames(1, pieces[3]!, 1))
    assert.deepEqual(await heard([...wires.slice(0, 3), ...plain]), { chunks: pieces, resets: [] })
  })

  it('are requests or a violation, whatever comes', () => {
    fc.assert(
      fc.property(anyBytes, bytes => void isTotal(() => decodeRequest(bytes, []), bytes)),
      runs(1500)
    )
  })
})
