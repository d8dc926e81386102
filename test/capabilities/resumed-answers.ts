/** Answers that are cut after each of their pieces and continued, by the same engine or another. */

import assert from 'node:assert/strict'
import type { InferenceChunk, ProgressChunk } from '../../interface/chunks.ts'
import type { PreparedRequest } from '../../interface/inference.ts'
import { prepare } from '../../interface/prepare.ts'
import type { Resume } from '../../interface/resume.ts'
import { Said } from '../../node/routing/said.ts'

export type Infer = (request: PreparedRequest) => AsyncIterable<InferenceChunk>

export const question = (
  input: string | object,
  params: Record<string, unknown> = {},
  resume?: Resume
): PreparedRequest =>
  prepare({
    ...{ id: 'one', task: 'text-generation', params, budgetMs: 60_000, resume },
    input: typeof input === 'string' ? { messages: [{ role: 'user', content: input }] } : input
  })

/** What of an answer came in so many pieces. */
export function saidIn(chunks: readonly InferenceChunk[], pieces: number): Resume {
  const said = new Said()
  for (const chunk of chunks.filter(({ type }) => type !== 'progress').slice(0, pieces)) said.add(chunk)
  return said.resume
}

/** The rest of an answer, and how its engine says that it goes on. */
export async function rest(infer: Infer, request: PreparedRequest) {
  const [how, ...chunks] = await Array.fromAsync(infer(request))
  assert.equal(how?.type, 'progress')
  return { how: (how as ProgressChunk).continued, chunks }
}

/** Log-probabilities of tokens that are computed together differ in their last digits from those of one after the other. */
const rounded = (chunk: InferenceChunk): unknown =>
  JSON.parse(
    JSON.stringify(chunk, (_, value) =>
      typeof value === 'number' ? Math.fround(Math.round(value * 1000)) : value
    )
  )

/** An answer that is cut after its first piece, in the middle, and where its end alone is left. */
export async function cutInThree(infer: Infer, input: string | object, params: Record<string, unknown> = {}) {
  const whole = await Array.fromAsync(infer(question(input, params)))
  const pieces = whole.length - 1
  assert.ok(pieces > 0)
  for (const cut of new Set([1, Math.ceil(pieces / 2), pieces])) {
    const { how, chunks } = await rest(infer, question(input, params, saidIn(whole, cut)))
    assert.deepEqual(chunks.map(rounded), whole.slice(cut).map(rounded), `cut after piece ${cut}`)
    assert.equal(how, 'exact', `cut after piece ${cut}`)
  }
  return whole
}

export const textIn = (chunks: readonly InferenceChunk[]): string =>
  chunks.map(chunk => ('text' in chunk ? (chunk.text ?? '') : '')).join('')
