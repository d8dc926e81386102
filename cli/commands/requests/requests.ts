/** `requests list|attach|cancel`. */

import { AnswerId, type AnswerInfo } from '../../../interface/answers.ts'
import { LumosError } from '../../../interface/errors.ts'
import { queueWords } from '../../../interface/queue-words.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'
import { printPieces } from '../inference/pieces.ts'

interface AttachOptions {
  readonly from?: number
  readonly peer?: string
  readonly jsonl?: boolean
}

export async function list({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ items: AnswerInfo[] }>('inference.answers')
  output.data(data, () => {
    if (data.items.length === 0) return 'This node keeps no answers.'
    const rows = data.items.map(({ id, state, chunks, model, created_at_ms, queue }) => [
      ...[id, queue ? `waits: ${queueWords(queue)}` : state, String(chunks), printable(model ?? '')],
      new Date(created_at_ms).toISOString()
    ])
    return output.table(['ANSWER', 'STATE', 'CHUNKS', 'MODEL', 'BEGUN'], rows)
  })
}

export async function attach({ args, options, output }: Invocation<AttachOptions>): Promise<void> {
  const id = answerIdOf(args)
  const node = findNode(options)
  const input = { id, ...(options.from !== undefined && { from: options.from }) }
  const { peer } = options
  if (output.json && !options.jsonl) {
    output.data((await node.execute('inference.attach', input, { peer })).data, () => '')
    return
  }
  await printPieces(node.stream('inference.attach', input, { peer }), output, options.jsonl === true)
}

export async function cancel({ args, options, output }: Invocation): Promise<void> {
  const id = answerIdOf(args)
  const { data } = await findNode(options).execute<AnswerInfo>('inference.cancel', { id })
  output.data(data, () => wordsFor(data))
}

function answerIdOf([given = '']: readonly string[]): string {
  if (AnswerId.safeParse(given).success) return given
  throw notAnId(given)
}

export const notAnId = (given: string): LumosError =>
  new LumosError('USAGE', `${printable(given)} is no id of an answer.`, {
    hint: 'See: lumos-node requests list'
  })

const wordsFor = ({ state, chunks }: SnakeCase<AnswerInfo>): string =>
  `The answer is ${state}, with ${chunks} chunks.`
