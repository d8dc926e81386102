/** An answer that is read, wherever it is kept. */

import type { AnswerInfo, ReadAnswerOptions } from '../../interface/answers.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { isErrorCode, LumosError } from '../../interface/errors.ts'
import type { AnswerStore } from './answer-store.ts'
import type { KeptAnswer } from './kept-answer.ts'
import type { StoredAnswer } from './stored-answers.ts'

export interface OpenedAnswer {
  readonly info: AnswerInfo
  readonly note: unknown
  /** To be called once at most. */
  chunks(): AsyncIterable<InferenceChunk>
}

/** @param id what its reader calls it. */
export const infoOfKept = (id: string, answer: KeptAnswer): AnswerInfo => {
  const { state, chunks, durable, failure, route, head, queue } = answer
  return {
    ...{ id, state, chunks, durable },
    ...routeOf(route),
    createdAtMs: head.createdAtMs,
    ...(queue && { queue }),
    error: failure ? { code: failure.code, message: failure.message } : null
  }
}

export const infoOfStored = (id: string, { head, route, end, next }: StoredAnswer): AnswerInfo => ({
  ...{ id, state: end?.state ?? 'interrupted', chunks: next, durable: false },
  ...routeOf(route),
  createdAtMs: head.createdAtMs,
  error: end === undefined ? lost(next) : end.error
})

const routeOf = (route: { task: string; model: string; peerId: string } | undefined) => ({
  task: route?.task ?? null,
  model: route?.model ?? null,
  peerId: route?.peerId ?? null
})

const lost = (chunks: number) => ({
  code: 'STREAM_INTERRUPTED',
  message: `The answer was cut after ${chunks} chunks, and no device has the rest.`
})

/** The chunks of a file, and then how the answer ended. */
export async function* chunksOfStored(
  store: AnswerStore,
  name: string,
  stored: StoredAnswer,
  { from = stored.first, follow = true }: ReadAnswerOptions
): AsyncGenerator<InferenceChunk> {
  const { first, next, end } = stored
  if (from < first)
    throw new LumosError('ANSWER_UNKNOWN', `This device has the answer from chunk ${first} on.`)
  let at = from
  while (at < next) {
    const chunks = await store.chunks(name, at)
    if (chunks.length === 0) throw new LumosError('ANSWER_UNKNOWN', `Chunk ${at} of the answer is not kept.`)
    yield* chunks
    at += chunks.length
  }
  if (!follow) return
  const error = end === undefined ? lost(next) : end.error
  if (error !== null) throw failureOf(error, next)
  if (from > next)
    throw new LumosError(
      'INVALID_INPUT',
      `The answer has ended with ${next} chunks; there is no chunk ${from}.`
    )
}

function failureOf({ code, message }: { code: string; message: string }, received: number): LumosError {
  const known = isErrorCode(code) ? code : 'INTERNAL'
  return new LumosError(known, message, { details: { received } })
}

export const unknown = (hint?: string): LumosError =>
  new LumosError('ANSWER_UNKNOWN', 'This device keeps no answer of that id.', { hint })
