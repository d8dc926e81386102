/** Blocks between two peers, and what a hostile peer on either side can do. */

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import type { Stream } from '@libp2p/interface'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { OverloadedError } from '../../interface/errors.ts'
import { FRAME } from '../../protocols/blocks/codec.ts'
import {
  BLOCKS_PROTOCOL,
  BlocksClient,
  BlocksHandler,
  DIGEST_BYTES,
  type Holdings
} from '../../protocols/blocks/index.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { UNSENT_BYTES_PER_PEER_MAX } from '../../protocols/wire/limits.ts'
import { cidOf } from '../weights/memory-store.ts'
import { connectPeers, type Peers } from './peers.ts'

const PATIENCE_MS = 300
const LEAF = randomBytes(1024 * 1024)
const CID = cidOf(LEAF)
const ABSENT = cidOf(Buffer.from('absent'))
const log = { debug() {}, info() {}, warn() {}, error() {} }

describe('blocks', () => {
  let peers: Peers
  let handler: BlocksHandler
  let asked = 0
  let refusing = false

  const holdings: Holdings = {
    find: ref =>
      ref === 'model' ? { envelope: Buffer.from('signed'), bytesHave: 1, bytesTotal: 2 } : undefined,
    leaves: file => (file === CID ? createHash('sha256').update(LEAF).digest() : undefined),
    have: file => (file === CID ? Uint8Array.of(1) : undefined),
    async block(cid) {
      asked++
      return cid === CID ? LEAF : undefined
    },
    coming: async () => undefined
  }

  beforeEach(async () => {
    peers = await connectPeers()
    asked = 0
    refusing = false
    handler = new BlocksHandler(
      {
        clock: systemClock,
        log,
        holdingsFor() {
          if (refusing) throw new OverloadedError('This node is stopping.', 1000)
          return holdings
        }
      },
      { writePatienceMs: PATIENCE_MS, framePatienceMs: PATIENCE_MS }
    )
    await peers.listener.handle(BLOCKS_PROTOCOL, handler.onStream)
  })
  afterEach(async () => {
    handler.close()
    await peers[Symbol.asyncDispose]()
  })

  const stream = (): Promise<Stream> => peers.connection.newStream(BLOCKS_PROTOCOL)
  const client = async (): Promise<BlocksClient> =>
    new BlocksClient(await stream(), { clock: systemClock, framePatienceMs: PATIENCE_MS })

  /** A listener that answers as `serve` does. */
  async function against(serve: (frames: FrameStream) => Promise<void>): Promise<BlocksClient> {
    const [dialed, accepted] = await peers.streams()
    const frames = new FrameStream(accepted)
    void serve(frames).catch(() => {})
    return new BlocksClient(dialed, { clock: systemClock, framePatienceMs: PATIENCE_MS })
  }

  it('answers what it has, and says of the rest that it is missing', async () => {
    const blocks = await client()
    const [found, none, digests, bitmap, leaf, absent] = await Promise.all([
      blocks.find('model'),
      blocks.find('other'),
      blocks.leaves(CID, 0),
      blocks.have(CID, 0),
      blocks.block(CID),
      blocks.block(ABSENT)
    ])
    assert.equal(Buffer.from(found!.envelope).toString(), 'signed')
    assert.deepEqual([found!.bytesHave, found!.bytesTotal], [1, 2])
    assert.equal(none, undefined)
    assert.equal(digests!.byteLength, DIGEST_BYTES)
    assert.deepEqual([...bitmap!], [1])
    assert.ok(Buffer.from(leaf!).equals(LEAF))
    assert.equal(absent, undefined)
    await blocks.close()
  })

  it('leaves a peer that sends a byte of its answer now and then', async () => {
    const [dialed, accepted] = await peers.streams()
    const frames = new FrameStream(accepted)
    const drip = async (): Promise<void> => {
      await frames.read()
      await frames.write(FRAME.found, encodeControl({ bytes: 1024 }))
      for (;;) {
        await frames.write(FRAME.piece, Uint8Array.of(1))
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    }
    void drip().catch(() => {})
    const blocks = new BlocksClient(dialed, { clock: systemClock, answerPatienceMs: PATIENCE_MS })
    await assert.rejects(blocks.block(CID), { code: 'SLOW_PEER' })
    assert.ok(blocks.lost)
  })

  it('gives up one answer and still gets those after it', async () => {
    const blocks = await client()
    const controller = new AbortController()
    const first = blocks.block(CID, { signal: controller.signal })
    const second = blocks.find('model')
    controller.abort()
    await assert.rejects(first, { code: 'CANCELLED' })
    assert.equal((await second)?.bytesTotal, 2)
    await blocks.close()
  })

  it('is refused with a reason by a node that stops', async () => {
    refusing = true
    const blocks = await client()
    await assert.rejects(blocks.find('model'), { code: 'OVERLOADED' })
  })

  it('fails what waits when the peer goes', async () => {
    const blocks = await client()
    await blocks.find('model')
    const waits = Promise.all([blocks.block(CID), blocks.block(CID)])
    await peers.listener.stop()
    await assert.rejects(waits, { code: 'PEER_UNREACHABLE' })
    await assert.rejects(blocks.block(CID), { code: 'PEER_UNREACHABLE' })
  })

  describe('a hostile dialer', () => {
    it('that asks for a million blocks and reads none makes the listener read a few, and loses the stream', async () => {
      const dialed = await stream()
      dialed.pause()
      const closed = new Promise(resolve => dialed.addEventListener('close', resolve))
      const frames = new FrameStream(dialed, { writePatienceMs: 60_000 })
      const asking = (async () => {
        for (let n = 0; n < 1_000_000; n++) await frames.write(FRAME.block, encodeControl({ cid: CID }))
      })()
      await assert.rejects(asking, { code: 'PEER_UNREACHABLE' })
      frames.abort(new Error('over'))
      await closed
      const held = (asked - 1) * LEAF.byteLength
      assert.ok(held <= UNSENT_BYTES_PER_PEER_MAX + 2 * LEAF.byteLength, `${asked} blocks were read`)
    })

    it.each([
      [
        'a CID of another hash function',
        { cid: 'bafkr4iafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s' }
      ],
      ['a CID of version 0', { cid: 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG' }],
      ['another text of a CID', { cid: `${CID.slice(0, -1)}${CID.endsWith('a') ? 'b' : '7'}` }],
      ['a CID of another codec', { cid: `bafyrei${CID.slice(7)}` }],
      ['no CID', {}]
    ])('that asks for %s loses the stream', async (_, question) => {
      const frames = new FrameStream(await stream())
      await frames.write(FRAME.block, encodeControl(question))
      await assert.rejects(frames.read(), { code: 'PEER_UNREACHABLE' })
      assert.equal(asked, 0)
    })

    it.each([
      ['of no type', 9, encodeControl({})],
      ['with a leaf before the first', FRAME.leaves, encodeControl({ file: CID, from: -1 })],
      ['with a path for a name', FRAME.find, encodeControl({ ref: '../../etc/passwd' })],
      ['longer than questions are', FRAME.find, new Uint8Array(64 * 1024)]
    ])('that sends a question %s loses the stream', async (_, type, body) => {
      const frames = new FrameStream(await stream())
      await frames.write(type as number, body as Uint8Array)
      await assert.rejects(frames.read(), { code: 'PEER_UNREACHABLE' })
    })
  })

  describe('a hostile listener', () => {
    const PIECE = new Uint8Array(64 * 1024)

    it.each([
      ['promises more than a block', [[FRAME.found, encodeControl({ bytes: LEAF.byteLength + 1 })]]],
      [
        'sends more than it promised',
        [
          [FRAME.found, encodeControl({ bytes: 10 })],
          [FRAME.piece, PIECE]
        ]
      ],
      [
        'sends less than it promised',
        [
          [FRAME.found, encodeControl({ bytes: 10 })],
          [FRAME.piece, PIECE.subarray(0, 9)],
          [FRAME.missing, new Uint8Array(0)]
        ]
      ],
      [
        'sends pieces of nothing',
        [
          [FRAME.found, encodeControl({ bytes: 10 })],
          [FRAME.piece, new Uint8Array(0)]
        ]
      ],
      ['sends pieces that nothing announced', [[FRAME.piece, PIECE]]],
      ['promises less than nothing', [[FRAME.found, encodeControl({ bytes: -1 })]]]
    ] as const)('that %s loses the stream', async (_, answer) => {
      const blocks = await against(async frames => {
        await frames.read()
        for (const [type, body] of answer) await frames.write(type, body)
      })
      await assert.rejects(blocks.block(CID), { code: 'PROTOCOL_VIOLATION' })
      assert.ok(blocks.lost)
    })

    it('that sends a frame over the limit loses the stream', async () => {
      const blocks = await against(async frames => {
        await frames.read()
        await frames.write(FRAME.found, new Uint8Array(512 * 1024))
      })
      await assert.rejects(blocks.block(CID), { code: 'FRAME_TOO_LARGE' })
    })

    it('that stops halfway through a block loses the stream', async () => {
      const blocks = await against(async frames => {
        await frames.read()
        await frames.write(FRAME.found, encodeControl({ bytes: LEAF.byteLength }))
        await frames.write(FRAME.piece, PIECE)
      })
      await assert.rejects(blocks.block(CID), { code: 'SLOW_PEER' })
    })

    it('that sends on without end is read no further than it was asked', async () => {
      let sent = 0
      const blocks = await against(async frames => {
        await frames.read()
        await frames.write(FRAME.missing, new Uint8Array(0))
        for (;;) {
          await frames.write(FRAME.piece, PIECE)
          sent += PIECE.byteLength
        }
      })
      assert.equal(await blocks.block(CID), undefined)
      await assert.rejects(blocks.block(CID), { code: 'PROTOCOL_VIOLATION' })
      assert.ok(sent < 4 * 1024 * 1024, `${sent} bytes were sent`)
    })
  })
})
