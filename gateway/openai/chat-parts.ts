/** What an answer of a chat consists of, whole or in chunks. */

import type { SnakeCase } from '../../interface/snake-case.ts'
import { type ChatAnswer, type Done, usageOf } from '../asking/pieces.ts'

/** Reasons that clients know. A model that calls tools waits for them, whatever its engine says of its end. */
export function finishOf(reason: string, calls: boolean): string {
  if (calls && reason !== 'length') return 'tool_calls'
  return ['length', 'content_filter'].includes(reason) ? reason : 'stop'
}

/** Engines may leave ids of calls out. They come back in the next request: they are made of the id of the request. */
export const callId = (choiceId: string, index: number): string => `call_${choiceId}_${index}`

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
