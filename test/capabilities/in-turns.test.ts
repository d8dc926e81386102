import assert from 'node:assert/strict'
import type { PreTrainedTokenizer } from '@huggingface/transformers'
import { describe, it } from 'vitest'
import { ControlText } from '../../capabilities/engines/text/control-text.ts'
import { tokenized } from '../../capabilities/engines/transformers/batches.ts'

/** Counts the texts that it reads. */
function readerOf(contextTokens?: number) {
  const seen = { texts: 0 }
  const tokenizer = (text: string) => {
    seen.texts++
    return { input_ids: text.split(' ').map(() => 1) }
  }
  const reader = {
    tokenizer: tokenizer as unknown as PreTrainedTokenizer,
    ...{ control: new ControlText([]), contextTokens }
  }
  return { seen, reader }
}
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    ({ code }) => code
  )

describe('texts of one request', () => {
  it('become tokens in turns, so that a cancel ends them', async () => {
    const { seen, reader } = readerOf()
    const cancel = new AbortController()
    setImmediate(() => setImmediate(() => cancel.abort(new Error('cancelled'))))
    const texts = Array.from({ length: 2048 }, () => ['word '.repeat(400)] as const)
    await assert.rejects(tokenized(reader, texts, { signal: cancel.signal }), /cancelled/)
    assert.ok(seen.texts < 10, `${seen.texts} texts were read`)
  })

  it('are read all and in their order, each of them once', async () => {
    const { seen, reader } = readerOf(512)
    const texts = Array.from({ length: 300 }, (_, at) => [`${'word '.repeat(at)}end`] as const)
    const all = await tokenized(reader, texts, {})
    assert.equal(seen.texts, 300)
    assert.deepEqual(
      all.map(({ ids }) => ids.length),
      texts.map((_, at) => at + 1)
    )
  })

  it.each([
    ['of words', 'word '.repeat(200), 16],
    ['of one word', 'w'.repeat(1024 * 1024), 16],
    ['of spaces', ' '.repeat(1024), 16],
    ['for a model that states no context', 'w'.repeat(1024 * 1024), undefined],
    ['for a model of a huge context', 'w'.repeat(1024 * 1024), 1_000_000]
  ])('are refused by their characters where one is too long: %s', async (_, text, contextTokens) => {
    const { seen, reader } = readerOf(contextTokens)
    assert.equal(await codeOf(tokenized(reader, [[text, 'a']], {})), 'CONTEXT_TOO_SMALL')
    assert.equal(seen.texts, 0)
  })
})
