/** The rest of an answer that was cut: of the device that has it, else of any that goes on from what is kept here. */

import { type AnswerSource, requestIdOf } from '../../interface/answers.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import { MAX_BUDGET_MS } from '../../interface/inference.ts'
import { isTaskName } from '../../interface/tasks/index.ts'
import type { RemoteAnswer } from '../../protocols/answers/index.ts'
import type { MeshContext } from '../feature.ts'
import { Deadline } from '../network/deadline.ts'
import { decodeQuestion } from './records.ts'
import type { StoredAnswer } from './stored-answers.ts'

/** Where others can go on, a device that may be gone is waited for so long. */
const GONE_MS = 2000

type Rest = Pick<RemoteAnswer, 'info' | 'chunks' | 'close'>

export interface RestComponents {
  readonly mesh: Pick<MeshContext, 'clock' | 'peerId' | 'providers' | 'infer'>
  /** Opens the rest of an answer, at the device that gives it. Waits for that device for some seconds at most. */
  rest(requestId: string, peerId: string, from: number, signal: AbortSignal): Promise<Rest>
}

/** @param said all that is here of it, when the source asks for that; absent where no device is to be asked anew. */
export async function restOf(
  { mesh, rest }: RestComponents,
  stored: StoredAnswer,
  said: (() => Promise<readonly InferenceChunk[]>) | undefined,
  signal: AbortSignal
): Promise<{ readonly source: AnswerSource; close(): void } | undefined> {
  const { head, route, next } = stored
  const isElsewhere = route !== undefined && route.peerId !== mesh.peerId
  const anew = anewFrom(mesh, stored, said)
  using deadline = new Deadline(mesh.clock, anew === undefined ? MAX_BUDGET_MS : GONE_MS, signal)
  const opened = isElsewhere
    ? await rest(requestIdOf(head.id), route.peerId, next, deadline.signal).catch(() => undefined)
    : undefined
  const hasRest = opened?.info.state === 'running' || (opened?.info.chunks ?? 0) > next
  const close = () => opened?.close()
  if (!hasRest) close()
  if (!hasRest) return anew === undefined || signal.aborted ? undefined : { source: anew, close }
  const source: AnswerSource = async function* (options) {
    // A device that is silent, or sends chunks slowly, is waited for as long as any answer at most.
    using deadline = new Deadline(mesh.clock, MAX_BUDGET_MS, options.signal)
    try {
      return yield* opened!.chunks(deadline)
    } catch (thrown) {
      // An answer that ended with an error has ended: only what was lost goes on.
      const { code, retryable } = toLumosError(thrown)
      const isLost = retryable || code === 'STREAM_INTERRUPTED' || code === 'ANSWER_UNKNOWN'
      if (anew === undefined || deadline.signal.aborted || !isLost) throw thrown
    }
    yield* anew(options)
  }
  return { source, close }
}

/** Asks the mesh to go on. Nothing where the question is not kept, or no device can now. */
function anewFrom(
  mesh: RestComponents['mesh'],
  { head, route, next }: StoredAnswer,
  said: (() => Promise<readonly InferenceChunk[]>) | undefined
): AnswerSource | undefined {
  if (head.question === undefined || said === undefined) return undefined
  const { peer, policy, receipt, ...question } = decodeQuestion(head.question)
  const { task = question.task } = route ?? {}
  // The model that began goes on, whatever name the question had for it. Before that, one that the question did not
  // name may not be asked outside the mesh.
  const model = next === 0 ? question.model : (route?.model ?? question.model)
  if (task === undefined || !isTaskName(task)) return undefined
  if (!mesh.providers(task, model).some(({ resumes }) => resumes || next === 0)) return undefined
  return async function* ({ signal, onRoute }) {
    const after = await said()
    const request = { ...question, id: requestIdOf(head.id), task, model }
    try {
      yield* mesh.infer(request, { peer, policy, receipt, signal, onRoute, after })
    } catch (thrown) {
      const failure = toLumosError(thrown)
      if (signal.aborted || failure.code === 'STREAM_INTERRUPTED') throw failure
      throw new LumosError('STREAM_INTERRUPTED', `No device goes on with the answer: ${failure.message}`, {
        ...{ cause: failure, details: { received: after.length } }
      })
    }
  }
}
