/** What an engine or a peer may answer, chunk by chunk. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { Answer, PROGRESS_MAX } from '../../interface/answer.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { DATA_PIECE_BYTES_MAX } from '../../interface/limits.ts'
import { prepare } from '../../interface/prepare.ts'
import { IMAGE_BYTES_MAX } from '../../interface/tasks/images.ts'
import { accumulate, type TaskName } from '../../interface/tasks/index.ts'
import { RICH_ANSWER, RICH_OUTPUT } from '../fixtures/rich-answer.ts'

const INPUTS: Partial<Record<TaskName, unknown>> = {
  'text-generation': { messages: [{ role: 'user', content: 'hi' }] },
  'image-classification': { image: new Uint8Array(1) },
  'text-to-image': { prompt: 'a boat' }
}

const answerTo = (task: TaskName = 'text-generation', params = {}): Answer =>
  new Answer(
    prepare({ id: 'r', task, input: INPUTS[task], params, budgetMs: 1000 }),
    what => new Error(what) as never
  )

/** Chunks as anything may send them, numbered as they must be. */
const accepts = (answer: Answer, chunk: object): InferenceChunk =>
  answer.accept({ index: answer.received, ...chunk } as InferenceChunk)

const progress = { type: 'progress', stage: 'loading', done: 1 }
const data = (bytes: number, more = {}) => ({
  ...{ type: 'data', part: 0, mime: 'image/png', bytes: new Uint8Array(bytes) },
  ...more
})
const delta = (more: object) => ({ type: 'delta', ...more })
const done = (more: object = {}) => ({ type: 'done', finishReason: 'stop', usage: {}, ...more })

describe('an answer', () => {
  it('may hold chunks of all types, and comes to what its task says', () => {
    const answer = answerTo()
    const whole = accumulate('text-generation')
    for (const chunk of RICH_ANSWER) {
      assert.deepEqual(answer.accept(chunk), chunk)
      whole.add(chunk)
    }
    assert.equal(answer.received, 7)
    assert.equal(answer.ended, true)
    assert.deepEqual(whole.output(), RICH_OUTPUT)
  })

  it.each<[what: string, why: RegExp, ...chunks: object[]]>([
    ['an empty delta', /empty delta/, delta({})],
    ['a delta of empty texts', /empty delta/, delta({ text: '', toolCalls: [{ index: 0 }] })],
    ['a delta with too much text', /invalid delta/, delta({ text: 'x'.repeat(32 * 1024 + 1) })],
    ['too much reasoning', /invalid delta/, delta({ reasoning: 'x'.repeat(32 * 1024 + 1) })],
    ['tokens that are no numbers', /invalid delta/, delta({ tokens: ['1'] })],
    [
      'more tokens than may be generated',
      /more than 4 tokens/,
      delta({ tokens: [1, 2] }),
      delta({ tokens: [1, 2, 3] })
    ],
    ['a probability above one', /invalid delta/, delta({ logprobs: [{ token: 'a', logprob: 0.1 }] })],
    [
      'more log-probabilities than tokens',
      /more than 4 tokens/,
      delta({ logprobs: Array.from({ length: 5 }, () => ({ token: 'a', logprob: -1 })) })
    ],
    ['a tool call beyond the last', /invalid delta/, delta({ toolCalls: [{ index: 128 }] })],
    [
      'more pieces than tokens',
      /more than 4 pieces/,
      ...Array.from({ length: 5 }, () => delta({ text: 'a' }))
    ],
    ['a piece of media that is too large', /invalid data/, data(DATA_PIECE_BYTES_MAX + 1)],
    ['an empty piece of media', /invalid data/, data(0)],
    ['media of a type that is none', /invalid data/, data(1, { mime: '\u001b[2J' })],
    ['a media part beyond the last', /invalid data/, data(1, { part: 64 })],
    ['bytes that are none', /invalid data/, data(1, { bytes: 'AA==' })],
    [
      'more media than its task allows',
      /more than 16777216 bytes/,
      ...Array.from({ length: 65 }, () => data(DATA_PIECE_BYTES_MAX))
    ],
    ['progress without a stage', /invalid progress/, { type: 'progress', done: 1 }],
    ['progress below nothing', /invalid progress/, { ...progress, done: -1 }],
    ['progress with a number of its own', /numbered/, progress, { ...progress, index: 1 }],
    ['progress after its end', /went on/, done(), progress],
    ['a reason that is none', /wrongly/, done({ finishReason: 'Because!' })],
    ['a reason that is too long', /wrongly/, done({ finishReason: 'x'.repeat(65) })],
    ['usage that is none', /wrongly/, done({ usage: { outputTokens: -1 } })],
    ['no usage', /wrongly/, done({ usage: null })]
  ])('may not hold %s', (_, why, ...chunks) => {
    const answer = answerTo('text-generation', { maxTokens: 4 })
    for (const chunk of chunks.slice(0, -1)) accepts(answer, chunk)
    assert.throws(() => accepts(answer, chunks.at(-1)!), why)
  })

  it('may not hold a flood of progress', () => {
    const answer = answerTo()
    for (let i = 0; i < PROGRESS_MAX; i++) accepts(answer, progress)
    assert.throws(() => accepts(answer, progress), /more than 65536 times/)
  })

  it('may not hold log-probabilities without end, of tokens without text', () => {
    const answer = answerTo()
    const top = Array.from({ length: 20 }, () => ({ token: '', logprob: 0 }))
    const logprobs = Array.from({ length: 1024 }, () => ({ token: '', logprob: 0, top }))
    for (let i = 0; i < 24; i++) accepts(answer, delta({ logprobs }))
    assert.throws(() => accepts(answer, delta({ logprobs })), /too much text/)
  })

  it('may not hold a flood of small pieces of media', () => {
    const answer = answerTo()
    for (let i = 0; i < 65_536; i++) accepts(answer, data(1))
    assert.throws(() => accepts(answer, data(1)), /too many pieces/)
  })

  it('of a task that is answered whole has no pieces, and progress before its output', () => {
    const answer = answerTo('image-classification')
    accepts(answer, progress)
    for (const piece of [data(1), delta({ text: 'a' }), { type: 'text', text: 'a' }]) {
      assert.throws(() => accepts(answer, piece), /more than 0/)
    }
    accepts(answer, { type: 'output', output: { labels: [] } })
    accepts(answer, done({ finishReason: 'a-reason-of-its-own' }))
    assert.equal(answer.ended, true)
  })

  it('keeps of a chunk what is known here', () => {
    const answer = answerTo()
    const chunk = accepts(answer, delta({ text: 'a', later: 1, toolCalls: [{ index: 0, later: 1 }] }))
    assert.deepEqual(chunk, { type: 'delta', index: 0, text: 'a', toolCalls: [{ index: 0 }] })
  })

  it.each<object>([
    { type: 'text', index: 0, text: 'a' },
    { ...progress, index: 0 },
    { ...data(1), index: 0 },
    { ...done(), index: 0 }
  ])('keeps nothing that comes along with %o', chunk => {
    assert.deepEqual(accepts(answerTo(), { ...chunk, later: new Uint8Array(9) }), chunk)
  })

  it('keeps nothing that comes along with usage', () => {
    const usage = { outputTokens: 1, later: 'x' }
    assert.deepEqual(accepts(answerTo(), done({ usage })), {
      ...done({ usage: { outputTokens: 1 } }),
      index: 0
    })
  })

  it('keeps of the memory that a piece of media came in only the piece', () => {
    const bytes = Buffer.from('..piece..').subarray(2, 7)
    const chunk = accepts(answerTo(), data(1, { bytes }))
    assert.ok(chunk.type === 'data')
    assert.equal(Buffer.from(chunk.bytes).toString(), 'piece')
    assert.equal(chunk.bytes.buffer.byteLength, 5)
  })
})

it('does not fit a request for two vectors with one of them', () => {
  const texts = ['a', 'b']
  const request = prepare({
    id: 'r',
    task: 'feature-extraction',
    input: { texts },
    params: {},
    budgetMs: 1000
  })
  const answer = new Answer(request, what => new Error(what) as never)
  const one = { dimensions: 1, vectors: new Uint8Array(4) }
  assert.throws(() => accepts(answer, { type: 'output', output: one }), /does not fit what it was asked/)
})

describe('an answer of pictures', () => {
  it('has as many parts as were asked for', () => {
    const answer = answerTo('text-to-image', { count: 2 })
    for (const part of [0, 1]) accepts(answer, data(1, { part }))
    assert.throws(() => accepts(answer, data(1, { part: 2 })), /more than 2 parts/)
  })

  it('has room for large pictures, and for no larger one than a picture may be', () => {
    const answer = answerTo('text-to-image', { count: 2 })
    const pieces = IMAGE_BYTES_MAX / DATA_PIECE_BYTES_MAX
    for (const part of [0, 1]) {
      for (let n = 0; n < pieces; n++) accepts(answer, data(DATA_PIECE_BYTES_MAX, { part }))
    }
    assert.throws(() => accepts(answer, data(1, { part: 1 })), /bytes of one part/)
  })
})
