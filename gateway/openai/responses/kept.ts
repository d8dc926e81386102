/** Responses that were given: each is a kept answer, with its conversation beside it. */

import * as z from 'zod'
import { AnswerId, type AnswerInfo, requestIdOf } from '../../../interface/answers.ts'
import { NAME_CHARS_MAX } from '../../../interface/chunks.ts'
import { isErrorCode, LumosError } from '../../../interface/errors.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { UnitContext } from '../../../interface/units.ts'
import type { UnitRegistry } from '../../../units/index.ts'
import type { Piece } from '../../asking/pieces.ts'
import { RefusedError } from '../../asking/refused.ts'
import { begun, completed, ended, type Head } from './events.ts'
import type { UnitMessage } from './input.ts'
import { ResponseOutput } from './output.ts'

const PREFIX = 'resp_'

/** What is kept beside the answer. The head is JSON: it holds schemas, which may be nested deeper than a note. */
const Note = z.object({ head: z.string(), messages: z.array(z.custom<UnitMessage>()) })

export const responseId = (answerId: string): string => `${PREFIX}${answerId}`

export const noteOf = (head: Head, messages: readonly UnitMessage[]): unknown => ({
  head: JSON.stringify(head),
  messages
})

export interface KeptResponse {
  readonly answerId: string
  readonly head: Head
  readonly state: AnswerInfo['state']
  /** The conversation, without the answer. */
  readonly messages: readonly UnitMessage[]
  readonly error: AnswerInfo['error']
}

/** How a response that is not there is refused. */
export interface Missing {
  readonly param: string
  readonly reason: string | null
  readonly status: number
}
export const NOT_FOUND: Missing = { param: 'response_id', reason: null, status: 404 }

/** @throws {RefusedError} where no device that can be reached has it. */
export async function keptResponse(
  units: UnitRegistry,
  id: string,
  context: UnitContext,
  missing = NOT_FOUND
): Promise<KeptResponse> {
  const answerId = id.startsWith(PREFIX) ? id.slice(PREFIX.length) : ''
  if (!AnswerId.safeParse(answerId).success) throw notKept(id, missing)
  try {
    const answer = (await units.execute(
      'inference.answer',
      { id: answerId },
      context
    )) as SnakeCase<AnswerInfo> & {
      note: unknown
    }
    const note = Note.safeParse(answer.note)
    if (!note.success) throw notKept(id, missing)
    const { state, error } = answer
    return { answerId, head: JSON.parse(note.data.head) as Head, messages: note.data.messages, state, error }
  } catch (thrown) {
    if (thrown instanceof LumosError && thrown.code === 'ANSWER_UNKNOWN') throw notKept(id, missing)
    throw thrown
  }
}

/** What there is of it, put together. */
export async function outputOf(
  units: UnitRegistry,
  { answerId }: KeptResponse,
  context: UnitContext
): Promise<ResponseOutput> {
  const output = new ResponseOutput(requestIdOf(answerId))
  const { items } = (await units.execute('inference.attach', { id: answerId }, context)) as { items: Piece[] }
  for (const piece of items) output.add(piece)
  return output
}

/** As it is shown. */
export function shown({ head, state, error }: KeptResponse, output: ResponseOutput): object {
  if (state === 'done') return completed(head, output)
  if (state === 'running') return begun(head, output.items())
  const { code = 'INTERNAL', message = 'The response failed.' } = error ?? {}
  const failure = new LumosError(isErrorCode(code) ? code : 'INTERNAL', message)
  return ended(head, output, failure, state === 'cancelled' ? 'cancelled' : 'failed')
}

const notKept = (id: string, missing: Missing) =>
  new RefusedError(`Response with id '${id.slice(0, NAME_CHARS_MAX)}' not found.`, missing)
