/** What an answer of a chat consists of, whole or in chunks. */

import type { SnakeCase } from '../../interface/snake-case.ts'
import { type ChatAnswer, callId, type Done, usageOf } from '../asking/pieces.ts'

export function messageOf(
  { content, reasoning, tool_calls }: SnakeCase<ChatAnswer>,
  choiceId: string
): object {
  const calls = tool_calls?.map(({ id, name, arguments: words }, i) => ({
    id: id || callId(choiceId, i),
    type: 'function',
    function: { name, arguments: words }
  }))
  return {
    role: 'assistant',
    content: content === '' && calls !== undefined ? null : content,
    refusal: null,
    ...(reasoning !== undefined && { reasoning_content: reasoning, reasoning }),
    ...(calls !== undefined && { tool_calls: calls })
  }
}

export function chatUsage(all: readonly (Done['usage'] | undefined)[]) {
  const { inputTokens, outputTokens, totalTokens } = usageOf(all)
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: totalTokens }
}
