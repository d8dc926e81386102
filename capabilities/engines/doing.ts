/** What a model that is open does for each of its tasks. All of them share what is loaded. */

import { EngineFailedError } from '../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { DATA_PIECE_BYTES_MAX } from '../../interface/limits.ts'
import type { TaskInput, TaskName, TaskOutput, TaskParams } from '../../interface/tasks/index.ts'

export interface Answered<T extends TaskName> {
  readonly output: TaskOutput<T>
  readonly inputTokens?: number
}

export type Doing = {
  readonly [T in TaskName]?: (
    input: TaskInput<T>,
    params: TaskParams<T>,
    options: AbortOptions
  ) => Promise<Answered<T>>
}

/** The chunks of one answer. */
export async function* answered(
  doing: Doing,
  { task, input, params }: InferenceRequest,
  options: AbortOptions
): AsyncGenerator<InferenceChunk> {
  const answer = doing[task]
  if (answer === undefined) throw new EngineFailedError(`This model does not do ${task}.`)
  const { output, inputTokens } = await answer(input as never, params as never, options)
  options.signal?.throwIfAborted()
  const pieces = task === 'text-to-speech' ? spoken(output as TaskOutput<typeof task>) : [{ output }]
  let index = 0
  for (const piece of pieces) {
    yield 'output' in piece ? { type: 'output', index, ...piece } : { type: 'data', index, ...piece }
    index++
  }
  const usage = inputTokens === undefined ? {} : { inputTokens }
  yield { type: 'done', index, finishReason: 'stop', usage }
}

/** A file in pieces. */
function* spoken({ mime, audio }: TaskOutput<'text-to-speech'>) {
  for (let at = 0; at < audio.byteLength; at += DATA_PIECE_BYTES_MAX) {
    yield { part: 0, mime, bytes: new Uint8Array(audio.subarray(at, at + DATA_PIECE_BYTES_MAX)) }
  }
}
