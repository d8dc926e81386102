import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { describe, it } from 'vitest'
import { toJson } from '../../gateway/json-answer.ts'
import { itemsOf, type SsePiece, sseBody, sseResponse } from '../../gateway/sse.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const decoder = new TextDecoder()

function bodyOf(pieces: AsyncIterable<SsePiece>) {
  const clock = new ManualClock()
  const reader = sseBody(pieces, { clock, meta: () => ({}) }).getReader()
  const next = async (): Promise<string> => decoder.decode((await reader.read()).value)
  return { clock, reader, next }
}

describe('the body of a stream of events', () => {
  it('leaves its source when it is cancelled, also one that waits at its second piece', async () => {
    const left = Promise.withResolvers<void>()
    async function* source() {
      try {
        for (let piece = 0; ; piece++) yield piece
      } finally {
        left.resolve()
      }
    }
    const { reader, next } = bodyOf(itemsOf(source()))
    assert.equal(await next(), ': open\n')
    for (const piece of [0, 1]) assert.equal(await next(), `event: item\ndata: ${piece}\n\n`)
    await reader.cancel()
    await left.promise
  })

  it('sends a comment after each ten seconds without a piece, and none after it was cancelled', async () => {
    const never = new Promise<never>(() => {})
    const source = { [Symbol.asyncIterator]: () => ({ next: () => never, return: async () => never }) }
    const { clock, reader, next } = bodyOf(source)
    await next()
    for (let beat = 0; beat < 3; beat++) {
      const comment = next()
      clock.advance(9999)
      assert.equal(clock.timers, 1)
      clock.advance(1)
      assert.equal(await comment, ': ping\n')
    }
    void reader.cancel()
    assert.equal(clock.timers, 0)
  })

  it('has a large event in pieces, with no comment inside it', async () => {
    const data = { tensors: [new Uint8Array(2_000_000).fill(7)] }
    async function* source() {
      yield data
      yield 'after'
    }
    const { clock, next } = bodyOf(itemsOf(source()))
    await next()
    let event = ''
    let pieces = 0
    for (; !event.endsWith('\n\n'); pieces++) {
      event += await next()
      clock.advance(10_000)
    }
    assert.ok(pieces > 5)
    assert.equal(event, `event: item\ndata: ${toJson(data)}\n\n`)
    assert.match(await next(), /data: "after"/)
  })

  it('is in chunks, so that its first event is not held back, and not for a client that knows none', () => {
    for (const [httpVersion, chunked] of [
      ['1.1', 'chunked'],
      ['1.0', null]
    ]) {
      const { headers } = sseResponse(new ReadableStream(), { httpVersion } as IncomingMessage)
      assert.equal(headers.get('transfer-encoding'), chunked)
    }
  })
})
