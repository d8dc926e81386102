import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import type { Schema } from '../../cli/commands/units/field.ts'
import { withFlags } from '../../cli/commands/units/flags.ts'
import { commandOf } from '../../cli/commands/units/unit-help.ts'

const SCHEMA: Schema = {
  type: 'object',
  properties: {
    model: { type: 'string' },
    max_tokens: { type: 'integer' },
    stop: { type: 'array', items: { type: 'string' } },
    sizes: { type: 'array', items: { type: 'integer' } },
    messages: { type: 'array', items: { type: 'object', properties: { role: { type: 'string' } } } },
    logprobs: { type: 'boolean' },
    keep_alive: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'null' }] },
    vendor: { type: ['string', 'null'] },
    image: { type: 'string', contentEncoding: 'base64' },
    place: { type: 'object', properties: { far_away: { type: 'number' } } },
    labels: { type: 'object', additionalProperties: { type: 'number' } },
    input: {}
  }
}
const read = (...flags: string[]) => withFlags({}, flags, SCHEMA)

describe('the flags of a unit', () => {
  it.each<[string[], object]>([
    [['--model', 'x', '--max-tokens=5'], { model: 'x', max_tokens: 5 }],
    [['--max_tokens', '5'], { max_tokens: 5 }],
    [['--stop', 'a', '--stop', '[b]'], { stop: ['a', '[b]'] }],
    [['--sizes', '1', '--sizes', '2'], { sizes: [1, 2] }],
    [['--sizes', '[1,2]'], { sizes: [1, 2] }],
    [['--messages', '{"role":"user"}'], { messages: [{ role: 'user' }] }],
    [['--logprobs', '--model', 'x'], { logprobs: true, model: 'x' }],
    [['--no-logprobs'], { logprobs: false }],
    [['--logprobs', 'false'], { logprobs: false }],
    [['--keep-alive', '5m', '--vendor', 'null'], { keep_alive: '5m', vendor: null }],
    [['--keep-alive', '-1'], { keep_alive: -1 }],
    [['--place.far-away', '0.5'], { place: { far_away: 0.5 } }],
    [['--labels.a-b', '1'], { labels: { 'a-b': 1 } }],
    [['--input.text', 'hello', '--input.n', '3'], { input: { text: 'hello', n: 3 } }],
    [['--model', '@@home'], { model: '@home' }],
    [['--model', ''], { model: '' }]
  ])('%j', async (flags, expected) => {
    assert.deepEqual(await read(...flags), expected)
  })

  it.each<[string[], RegExp]>([
    [['--modle', 'x'], /no field --modle/],
    [['--no-model'], /no field/],
    [['--model'], /needs a value/],
    [['--model', 'x', '--model', 'y'], /twice/],
    [['--max-tokens', 'five'], /takes integer, and "five" is none/],
    [['--place', 'here'], /takes JSON/],
    [['--model.x', 'y'], /no field/],
    [['x'], /belongs to no flag/],
    [['--__proto__.x', 'y'], /no field/]
  ])('%j is refused', async (flags, words) => {
    await assert.rejects(read(...flags), (err: Error & { code: string }) => {
      assert.equal(err.code, 'USAGE')
      assert.match(err.message, words)
      return true
    })
  })

  it('read files as the field needs them, and add to JSON', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lumos-flags-'))
    const [words, bytes] = [join(folder, 'words'), join(folder, 'bytes')]
    await writeFile(words, 'hello')
    await writeFile(bytes, Uint8Array.of(0xff, 0))
    const flags = [
      '--model',
      `@${words}`,
      '--image',
      `@${words}`,
      '--input.image',
      `@${bytes}`,
      '--input.text',
      `@${words}`
    ]
    assert.deepEqual(await withFlags({ model: 'y', max_tokens: 1 }, flags, SCHEMA), {
      model: 'hello',
      max_tokens: 1,
      image: 'aGVsbG8=',
      input: { image: '/wA=', text: 'hello' }
    })
    await rm(folder, { recursive: true })
  })

  it('are those of the example that the help prints', () => {
    const input = {
      model: 'x y',
      stop: ['a', "it's"],
      messages: [{ role: 'user' }],
      logprobs: true,
      max_tokens: 5
    }
    assert.equal(
      commandOf('inference.chat', input),
      `lumos-node exec inference.chat --model 'x y' --stop a --stop 'it'\\''s' --messages '[{"role":"user"}]' --logprobs --max-tokens 5`
    )
  })
})
