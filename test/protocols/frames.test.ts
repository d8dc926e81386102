import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Stream } from '@libp2p/interface'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { FrameStream, type FrameStreamOptions } from '../../protocols/wire/frames.ts'
import {
  FIRST_FRAME_BYTES_MAX,
  FRAME_BYTES_MAX,
  FRAME_BYTES_PER_MS_MIN,
  FRAME_PATIENCE_MS,
  WRITE_BUFFER_BYTES_HIGH,
  WRITE_PATIENCE_MS,
  YAMUX_LIMITS
} from '../../protocols/wire/limits.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { connectPeers, type Peers } from './peers.ts'

const WINDOW = YAMUX_LIMITS.streamOptions.maxStreamWindowSize
const BIG = new Uint8Array(FRAME_BYTES_MAX)

describe('a frame stream', () => {
  let peers: Peers
  beforeAll(async () => {
    peers = await connectPeers()
  })
  afterAll(async () => {
    await peers[Symbol.asyncDispose]()
  })

  async function pair(
    options: FrameStreamOptions = {}
  ): Promise<{ ours: FrameStream; theirs: FrameStream; raw: Stream }> {
    const [dialed, accepted] = await peers.streams()
    return { ours: new FrameStream(dialed, options), theirs: new FrameStream(accepted, options), raw: dialed }
  }

  /** A listener of frames and a dialer that writes bytes as it likes. */
  async function hostile(options: FrameStreamOptions = {}): Promise<{ raw: Stream; theirs: FrameStream }> {
    const [raw, accepted] = await peers.streams()
    return { raw, theirs: new FrameStream(accepted, options) }
  }

  it('carries frames in both directions and ends cleanly', async () => {
    const { ours, theirs } = await pair()
    await ours.write(3, Buffer.from('hello'))
    await ours.write(4, [Buffer.from('two '), Buffer.from('parts')])
    await ours.close()

    assert.deepEqual(await text(theirs), [3, 'hello'])
    assert.deepEqual(await text(theirs), [4, 'two parts'])
    assert.equal(await theirs.read(), undefined)

    await theirs.write(5, new Uint8Array(0))
    await theirs.close()
    assert.deepEqual(await text(ours), [5, ''])
    assert.equal(await ours.read(), undefined)
  })

  it('keeps what arrives before anybody reads', async () => {
    const { ours, theirs } = await pair()
    for (let i = 0; i < 100; i++) await ours.write(1, Uint8Array.of(i))
    await ours.close()
    await once(theirs.stream as unknown as EventTarget, 'remoteCloseWrite')
    for (let i = 0; i < 100; i++) assert.equal((await theirs.read())?.body[0], i)
    assert.equal(await theirs.read(), undefined)
  })

  it('makes a writer wait for a reader that lags, and loses nothing', async () => {
    const { ours, theirs } = await pair()
    await ours.write(0, new Uint8Array(0))
    let written = 0
    const writing = (async () => {
      for (let i = 0; i < 40; i++) {
        await ours.write(1, BIG)
        written += BIG.length
      }
      await ours.close()
    })()

    await theirs.read()
    let read = 0
    for (;;) {
      const frame = await theirs.read()
      if (frame === undefined) break
      read += frame.body.length
      // Time for the writer to send all that it may.
      for (let i = 0; i < 20; i++) await turn()
      assert.ok(theirs.stream.readBufferLength <= WINDOW, `${theirs.stream.readBufferLength} bytes unread`)
      // One window unread, one taken out of the stream and not read, and the writer's own buffer.
      assert.ok(
        written - read <= 2 * WINDOW + WRITE_BUFFER_BYTES_HIGH + 2 * BIG.length,
        `${written - read} ahead`
      )
    }
    await writing
    assert.equal(read, 40 * BIG.length)
  })

  it('gives up a writer whose reader has stopped, and resets the stream', async () => {
    const { ours, theirs } = await pair({ writePatienceMs: 100 })
    await theirs.write(0, new Uint8Array(0))
    await assert.rejects(
      async () => {
        for (;;) await ours.write(1, BIG)
      },
      { code: 'SLOW_PEER' }
    )
    assert.equal(ours.stream.status, 'aborted')
    await assert.rejects(
      async () => {
        for (;;) await theirs.read({ bytesMax: FRAME_BYTES_MAX })
      },
      { code: 'PEER_UNREACHABLE' }
    )
  })

  it('resets a stream that its peer does not let close, after ten seconds and no sooner', async () => {
    const clock = new ManualClock()
    const [raw, accepted] = await peers.streams()
    accepted.pause()
    const ours = new FrameStream(raw, { clock })
    // More than the peer takes without reading: closing waits until it was sent.
    raw.send(new Uint8Array(2 * WINDOW))
    const closing = ours.close()
    await turn()
    clock.advance(WRITE_PATIENCE_MS - 1)
    await turn()
    assert.notEqual(raw.status, 'aborted')
    clock.advance(1)
    await closing
    assert.equal(raw.status, 'aborted')
    await assert.rejects(ours.read(), { code: 'SLOW_PEER' })
    assert.equal(clock.timers, 0)
  })

  it('leaves no timer when it was closed in time', async () => {
    const clock = new ManualClock()
    const { ours } = await pair({ clock })
    await ours.close()
    assert.equal(clock.timers, 0)
  })

  it('gives up a frame that does not become whole', async () => {
    const { raw, theirs } = await hostile({ framePatienceMs: 100 })
    raw.send(Uint8Array.of(5, 1, 0xff))
    await assert.rejects(theirs.read(), { code: 'SLOW_PEER' })
    assert.equal(theirs.stream.status, 'aborted')
  })

  it('waits as long as it takes for a frame that nobody owes, and not for one that is owed', async () => {
    const clock = new ManualClock()
    const { raw, theirs } = await hostile({ clock })
    const waiting = theirs.read()
    await turn()
    clock.advance(24 * 3600 * 1000)
    raw.send(Uint8Array.of(0, 7))
    assert.equal((await waiting)?.type, 7)

    const owed = assert.rejects(theirs.read({ owed: true }), { code: 'SLOW_PEER' })
    await turn()
    clock.advance(FRAME_PATIENCE_MS)
    await owed
  })

  it('gives a large frame the time its bytes take on a slow link', async () => {
    const clock = new ManualClock()
    const { raw, theirs } = await hostile({ clock })
    const reading = assert.rejects(theirs.read({ bytesMax: FRAME_BYTES_MAX }), { code: 'SLOW_PEER' })
    raw.send(Uint8Array.of(0x80, 0x80, 0x10, 1, 0))
    await once(theirs.stream as unknown as EventTarget, 'message')
    clock.advance(FRAME_PATIENCE_MS)
    assert.equal(theirs.stream.status, 'open')
    clock.advance(FRAME_BYTES_MAX / FRAME_BYTES_PER_MS_MIN)
    await reading
  })

  it.each([
    ['a first frame over 16 KiB', FIRST_FRAME_BYTES_MAX + 1, {}],
    ['a frame over what its reader allows', 20_001, { bytesMax: 20_000 }],
    ['a frame over 1 MiB, whatever its reader allows', 2 ** 20 + 1, { bytesMax: 2 ** 24 }]
  ])('resets the stream for %s', async (_, bytes, options) => {
    const { raw, theirs } = await hostile()
    const closed = once(raw as unknown as EventTarget, 'close')
    raw.send(Uint8Array.of((bytes & 0x7f) | 0x80, ((bytes >> 7) & 0x7f) | 0x80, bytes >> 14, 1))
    await assert.rejects(theirs.read(options), { code: 'FRAME_TOO_LARGE' })
    await closed
    assert.equal(raw.status, 'reset')
  })

  it('tells a stream that ends inside a frame from one that ends', async () => {
    const { raw, theirs } = await hostile()
    raw.send(Uint8Array.of(5, 1, 0xff))
    await raw.close()
    await assert.rejects(theirs.read(), { code: 'PROTOCOL_VIOLATION' })
  })

  it('fails a read when the peer resets the stream', async () => {
    const { ours, theirs } = await pair()
    const reading = assert.rejects(theirs.read(), { code: 'PEER_UNREACHABLE' })
    ours.abort(new Error('enough'))
    await reading
    await assert.rejects(theirs.write(1, BIG), { code: 'PEER_UNREACHABLE' })
  })

  it('fails a read when its own side gives up the stream beneath it', async () => {
    const { theirs } = await pair()
    const reading = assert.rejects(theirs.read(), { code: 'PEER_UNREACHABLE' })
    theirs.stream.abort(new Error('enough'))
    await reading
  })

  it('loses no bytes when a read is given up', async () => {
    const { ours, theirs } = await pair()
    const given = new AbortController()
    const reading = assert.rejects(theirs.read({ signal: given.signal }), { code: 'CANCELLED' })
    given.abort()
    await reading
    await ours.write(1, Buffer.from('still here'))
    assert.deepEqual(await text(theirs), [1, 'still here'])
  })

  it('withdraws a write that is given up before any of it left', async () => {
    const { ours, theirs } = await pair()
    await ours.write(0, new Uint8Array(0))
    const waiting: Promise<void>[] = []
    for (let i = 0; i < 12; i++) waiting.push(ours.write(1, BIG))
    const given = new AbortController()
    const withdrawn = assert.rejects(ours.write(2, BIG, { signal: given.signal }), { code: 'CANCELLED' })
    given.abort()
    await withdrawn
    const closing = Promise.all(waiting).then(() => ours.close())

    const types: number[] = []
    for (let frame = await theirs.read(); frame !== undefined; frame = await theirs.read())
      types.push(frame.type)
    await closing
    assert.deepEqual(types, [0, ...Array(12).fill(1)])
  })

  it('keeps the frames of one write together', async () => {
    const { ours, theirs } = await pair()
    const group = (type: number): (readonly [number, Uint8Array])[] => Array(6).fill([type, BIG])
    await ours.write(0, new Uint8Array(0))
    const writing = Promise.all([ours.writeAll(group(1)), ours.writeAll(group(2)), ours.writeAll(group(3))])
    const closing = writing.then(() => ours.close())
    const types: number[] = []
    for (let frame = await theirs.read(); frame !== undefined; frame = await theirs.read())
      types.push(frame.type)
    await closing
    assert.deepEqual(types, [0, ...[1, 2, 3].flatMap(type => Array(6).fill(type))])
  })

  it('sends small frames of one turn of the event loop together', async () => {
    const { ours, theirs } = await pair()
    let sends = 0
    const send = ours.stream.send.bind(ours.stream)
    ours.stream.send = bytes => {
      sends++
      return send(bytes)
    }
    for (let i = 0; i < 100; i++) void ours.write(1, Uint8Array.of(i))
    for (let i = 0; i < 100; i++) assert.equal((await theirs.read())?.body[0], i)
    assert.equal(sends, 1)
  })
})

/** Everything that waits for the end of this turn of the event loop has run. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

async function text(frames: FrameStream): Promise<[number, string] | undefined> {
  const frame = await frames.read()
  return frame && [frame.type, Buffer.from(frame.body).toString()]
}
