/** `chat`: a conversation in the terminal; without one, a single question from a pipe and its answer. */

import { LumosError } from '../../../interface/errors.ts'
import { type AskOptions, findNode, type Meta } from '../../client.ts'
import { readText } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { canAsk } from '../../prompt.ts'
import { Conversation } from './conversation.ts'
import { firstModel, writers } from './listed.ts'
import { printPieces } from './pieces.ts'
import { ReceiptFile } from './receipts.ts'
import { talk } from './talk.ts'

interface ChatOptions {
  readonly peer?: string
  readonly policy?: string
  /** False for `--no-continue`. */
  readonly continue?: boolean
  readonly system?: string
  readonly maxTokens?: number
  readonly timeout?: number
  readonly receipt?: string
}

interface Answer {
  readonly model: string
  readonly content: string
}

export async function run({ args, options, output }: Invocation<ChatOptions>): Promise<void> {
  const node = findNode(options)
  const { peer, policy, system, maxTokens, timeout } = options
  const asking: AskOptions = {
    ...{ peer, policy, timeoutMs: timeout && Math.ceil(timeout * 1000) },
    ...(options.continue === false && { continuation: 'none' as const }),
    ...(options.receipt !== undefined && { receipt: true })
  }
  const model = args[0] ?? firstModel(await writers(node)).id
  const conversation = new Conversation({
    ...{ node, model, system, maxTokens, asking },
    ...(options.receipt !== undefined && { onAnswer: writes(options.receipt, output) })
  })
  if (canAsk() && !output.json) return talk(conversation, output)

  const question = await readText('-')
  if (question.trim() === '') throw new LumosError('USAGE', 'There is no question on stdin.')
  if (output.json) {
    const { data, meta } = await node.execute<Answer>('inference.chat', conversation.asked(question), asking)
    output.data({ ...data, meta: asMeta(meta) }, () => data.content)
    conversation.answered(question, data)
    return
  }
  await printPieces(conversation.ask(question), output, false)
}

/** The receipt of each answer, in place of that of the one before. */
const writes = (path: string, output: Output) => (request: unknown, end: unknown) => {
  const file = new ReceiptFile(path, request)
  file.take(end)
  file.write(output)
}

const asMeta = ({ peer, route, duration_ms }: Meta) => ({ peer, route, duration_ms })
