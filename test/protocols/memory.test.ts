/** Spaces between two peers, and what a hostile peer on either side can do. */

import assert from 'node:assert/strict'
import type { Stream } from '@libp2p/interface'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import {
  type Asker,
  type Feed,
  MemoryClient,
  MemoryHandler,
  type Offer
} from '../../protocols/memory/index.ts'
import { encodeOffer, encodeWant, FRAME, OFFERS_MAX } from '../../protocols/memory/messages.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { connectPeers, type Peers } from './peers.ts'

const SPACE = 'a'.repeat(26)
const OTHER = 'b'.repeat(26)
const HASH = 'ab'.repeat(32)
const PATIENCE_MS = 300
const log = { debug() {}, info() {}, warn() {}, error() {} }
const offerOf = (space: string): Offer => ({
  ...{ space, version: 1, charter: HASH, digest: HASH, content: null, checkpoint: 0 }
})
const want = { space: SPACE, version: 0, checkpoint: 0, heads: [] }
const spaceNumbered = (n: number): string =>
  [...n.toString(8).padStart(26, '0')].map(digit => 'abcdefgh'[Number(digit)]).join('')

describe('memory', () => {
  let peers: Peers
  let handler: MemoryHandler
  let asker: Asker
  let happened: string[]
  let wake = Promise.withResolvers<void>()
  /** Resolves when the disk of the listener has written. */
  let disk: Promise<void>

  const note = (what: string): void => {
    happened.push(what)
    wake.resolve()
    wake = Promise.withResolvers()
  }
  const until = async (what: string): Promise<void> => {
    while (!happened.includes(what)) await wake.promise
  }
  const feed: Feed = {
    onOffer: ({ space }) => note(`offer ${space}`),
    async onCharters(_, records, key) {
      note(`charters ${records.length} ${key?.byteLength}`)
    },
    async onCheckpoint(_, record) {
      note(`checkpoint ${record.byteLength}`)
    },
    async onPieces(_, pieces) {
      note(`pieces ${pieces.length}`)
    },
    async onEnvelopes(_, envelopes) {
      note(`envelopes ${envelopes.length}`)
      await disk
    },
    onEnd: () => note('end'),
    onNone: () => note('none'),
    onClosed: () => note('closed')
  }

  beforeEach(async () => {
    peers = await connectPeers()
    happened = []
    disk = Promise.resolve()
    const feedOf = (_: string, by: Asker): Feed => {
      asker = by
      return feed
    }
    handler = new MemoryHandler(
      { clock: systemClock, log, feedOf },
      { writePatienceMs: PATIENCE_MS, framePatienceMs: PATIENCE_MS }
    )
    await peers.listener.handle('/lumos/memory/1', handler.onStream)
  })
  afterEach(async () => {
    handler.close()
    await peers[Symbol.asyncDispose]()
  })

  const stream = (): Promise<Stream> => peers.connection.newStream('/lumos/memory/1')
  const closed = (stream: Stream): Promise<void> =>
    new Promise(resolve => stream.addEventListener('close', () => resolve()))

  it('sends what is wanted, in the order in which it was given', async () => {
    const client = new MemoryClient(await stream(), { clock: systemClock })
    client.serve({
      onWant: ({ heads }) => note(`want ${heads.length}`),
      onHave: ({ heads }) => note(`have ${heads[0]?.seq}`),
      async onNeed(space, pieces) {
        await client.pieces(space, pieces)
      },
      onClosed() {}
    })
    client.offer(offerOf(SPACE))
    await until(`offer ${SPACE}`)
    asker.want(want)
    await until('want 0')
    client.charters(SPACE, Array<Uint8Array>(70).fill(Buffer.alloc(4000)), Buffer.alloc(32))
    client.checkpoint(SPACE, Buffer.alloc(500_000))
    await until('checkpoint 500000')
    asker.need(SPACE, [Buffer.alloc(32), Buffer.alloc(32)])
    await until('pieces 2')
    await client.envelopes(SPACE, [Buffer.alloc(100), Buffer.alloc(256 * 1024)])
    client.end(SPACE)
    await until('end')
    const writer = { device: `12D3KooW${'a'.repeat(44)}`, life: '0'.repeat(12) }
    asker.have({ space: SPACE, heads: [{ writer, seq: 7, hash: new Uint8Array(32) }] })
    await until('have 7')
    await client.close()
    await until('closed')
    assert.deepEqual(
      happened.filter(what => !what.startsWith('have') && !what.startsWith('want')),
      [
        `offer ${SPACE}`,
        'charters 70 32',
        'checkpoint 500000',
        'pieces 2',
        'envelopes 1',
        'envelopes 1',
        'end',
        'closed'
      ]
    )
  })

  const given = (type: number, body: unknown) => [type, encodeControl(body)] as const
  const envelopes = [Buffer.alloc(10)]
  it.each([
    ['envelopes of a space that was not wanted', [given(FRAME.envelopes, { space: OTHER, envelopes })]],
    ['a frame of no known type', [given(99, {})]],
    [
      'an envelope that is too long',
      [given(FRAME.envelopes, { space: SPACE, envelopes: [Buffer.alloc(256 * 1024 + 1)] })]
    ],
    ['an envelope of no bytes', [given(FRAME.envelopes, { space: SPACE, envelopes: [Buffer.alloc(0)] })]],
    ['a name where an id belongs', [given(FRAME.end, { space: '../../etc' })]],
    [
      'charters of two spaces, mixed',
      [
        given(FRAME.charters, { space: SPACE, records: envelopes, key: null, last: false }),
        given(FRAME.charters, { space: OTHER, records: envelopes, key: null, last: true })
      ]
    ],
    [
      'charters without end',
      Array.from({ length: 40 }, () =>
        given(FRAME.charters, { space: SPACE, records: [Buffer.alloc(250_000)], key: null, last: false })
      )
    ],
    [
      'more spaces than a node has',
      Array.from(
        { length: OFFERS_MAX + 1 },
        (_, n) => [FRAME.offer, encodeOffer(offerOf(spaceNumbered(n)))] as const
      )
    ]
  ])('a dialer that sends %s loses the stream', async (_, frames) => {
    const dialed = await stream()
    const end = closed(dialed)
    const frame = new FrameStream(dialed)
    await frame.write(FRAME.offer, encodeOffer(offerOf(SPACE)))
    await until(`offer ${SPACE}`)
    asker.want(want)
    await frame.writeAll(frames)?.catch(() => {})
    await end
    await until('closed')
    assert.ok(!happened.some(what => what.startsWith('envelopes') || what.startsWith('charters')))
  })

  it('a listener whose disk is slow is sent no more than a window', async () => {
    const written = Promise.withResolvers<void>()
    disk = written.promise
    const client = new MemoryClient(await stream(), { clock: systemClock })
    client.serve({ onWant: () => note('wanted'), onHave() {}, async onNeed() {}, onClosed() {} })
    client.offer(offerOf(SPACE))
    await until(`offer ${SPACE}`)
    asker.want(want)
    await until('wanted')
    let sent = 0
    const sending = (async () => {
      for (; sent < 40; sent++) await client.envelopes(SPACE, [Buffer.alloc(250_000)])
    })()
    await until('envelopes 1')
    await new Promise(resolve => setTimeout(resolve, PATIENCE_MS))
    // A window of Yamux, what the dialer may hold, and what is being written.
    assert.ok(sent < 12, `${sent} envelopes were sent`)
    written.resolve()
    await sending
    client.end(SPACE)
    await until('end')
    assert.equal(happened.filter(what => what === 'envelopes 1').length, 40)
  })

  it.each([
    ['a frame of no known type', 99, encodeControl({})],
    ['heads without number', FRAME.want, encodeControl({ ...want, heads: Array(1025).fill(0) })],
    ['a version below none', FRAME.want, encodeControl({ ...want, version: -1 })],
    ['no map', FRAME.have, encodeControl([])],
    ['a need of nothing', FRAME.need, encodeControl({ space: SPACE, pieces: [] })]
  ])('a listener that sends %s loses the stream', async (_, type, body) => {
    const [dialed, accepted] = await peers.streams()
    const client = new MemoryClient(dialed, { clock: systemClock })
    const lost = new Promise<Error | undefined>(resolve =>
      client.serve({
        onWant: () => note('wanted'),
        onHave: () => note('had'),
        async onNeed() {},
        onClosed: resolve
      })
    )
    await new FrameStream(accepted).write(type, body)
    assert.equal(((await lost) as { code?: string }).code, 'PROTOCOL_VIOLATION')
    assert.deepEqual(happened, [])
  })

  it('a want of a thousand heads goes in one frame', () => {
    const heads = Array.from({ length: 1024 }, (_, n) => ({
      writer: { device: `12D3KooW${'z'.repeat(44)}`, life: n.toString(16).padStart(12, '0') },
      seq: Number.MAX_SAFE_INTEGER,
      hash: new Uint8Array(32)
    }))
    assert.ok(encodeWant({ ...want, heads }).byteLength < 192 * 1024)
  })
})
