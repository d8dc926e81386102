import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { PARSED_HERE_BYTES_MAX } from '../../gateway/body.ts'
import { JsonThread } from '../../gateway/json-thread.ts'
import { type Clock, systemClock } from '../../interface/clock.ts'
import { TEXT_CHARS_MAX } from '../../interface/limits.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { startGateway } from './running-gateway.ts'

const ONES = `[${'1,'.repeat(60_000)}1]`

function setUp(clock: Clock = systemClock) {
  const thread = new JsonThread(clock)
  /** In parts, as a socket brings them: each a view of something larger. */
  const begin = (text: string) => {
    const body = thread.begin()
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += 65_536) body.push(bytes.subarray(at, at + 65_536))
    return body
  }
  return { begin, parse: (text: string) => begin(text).parse() }
}

describe('the thread that parses large bodies', () => {
  it('gives what JSON.parse does, but bytes for base64 that is longer than any text', async () => {
    const { parse } = setUp()
    const bytes = Buffer.alloc(TEXT_CHARS_MAX, 'picture')
    const value = {
      image: bytes.toString('base64'),
      url: `data:image/png;base64,${bytes.toString('base64url')}`,
      long: 'two words, '.repeat(TEXT_CHARS_MAX),
      text: 'a'.repeat(TEXT_CHARS_MAX),
      rest: [1, null, true, { ü: 'ö' }]
    }
    const text = JSON.stringify(value).replace('"rest"', '"__proto__":{"a":1},"rest"')
    const read = (await parse(text)) as typeof value
    assert.deepEqual([read.image, read.url], [new Uint8Array(bytes), new Uint8Array(bytes)])
    const { image, url, ...others } = read
    const { image: _, url: __, ...expected } = JSON.parse(text)
    assert.deepEqual(others, expected)
    assert.equal(Object.getPrototypeOf(read), Object.prototype)
  })

  it.each([
    ['{"a":', 'INVALID_INPUT', /not JSON/],
    ['\xff\xfe', 'INVALID_INPUT', /JSON/],
    [`[${'1,'.repeat(100_000)}1]`, 'INPUT_TOO_LARGE', /100000 values/],
    [`{"a":${ONES},"b":${ONES}}`, 'INPUT_TOO_LARGE', /100000 values/],
    [`[${'{},'.repeat(8_000_000)}{}]`, 'INPUT_TOO_LARGE', /100000 values/],
    [`{"a\\\\":${ONES},"\\"":${ONES}}`, 'INPUT_TOO_LARGE', /100000 values/],
    ['['.repeat(50_000) + ']'.repeat(50_000), 'INVALID_INPUT', /64 deep/]
  ])('refuses what costs the other thread too much or is none: %.12s', async (text, code, message) => {
    await assert.rejects(setUp().parse(text), { code, message })
  })

  it('parses bodies that come at the same time, and forgets one whose client has left', async () => {
    const { begin } = setUp()
    const [one, left, two] = ['{"n":1}', '{"n":', '{"n":2}'].map(begin)
    left!.drop()
    assert.deepEqual(await Promise.all([two!.parse(), one!.parse()]), [{ n: 2 }, { n: 1 }])
  })

  it('ends when no body has come for a while, and the next body has a thread of its own at once', async () => {
    const clock = new ManualClock()
    const { parse } = setUp(clock)
    const values = []
    for (const n of [1, 2, 3]) {
      values.push(await parse(`{"n":${n}}`))
      clock.advance(60_000)
    }
    assert.deepEqual(values, [{ n: 1 }, { n: 2 }, { n: 3 }])
  })
})

it('a large body is answered like a small one', async () => {
  await using gateway = await startGateway()
  const bytes = Buffer.alloc(PARSED_HERE_BYTES_MAX, 'tensor')
  const t = { type: 'uint8', dims: [bytes.length], data: bytes.toString('base64') }
  const question = { task: 'tensor', model: 'held', input: { tensors: { t } } }
  const { status, body } = await gateway.tcp('/api/v2/execute', { unit: 'inference.run', input: question })
  assert.equal(status, 200, JSON.stringify(body.error))
  assert.ok(body.data.output.tensors.t.data === t.data)
  const { body: wrong } = await gateway.tcp('/api/v2/execute', {
    unit: 'inference.run',
    input: { ...question, input: 'two words, '.repeat(bytes.length / 8) }
  })
  assert.equal(wrong.error.code, 'INVALID_INPUT')
})
