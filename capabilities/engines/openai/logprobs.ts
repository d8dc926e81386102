/** Log-probabilities of tokens, in the forms that compatible servers have for chats and for completions. */

import type { Logprob } from '../../../interface/chunks.ts'
import { isRecord } from '../../../interface/record.ts'

/** Of one event; more is no piece of an answer. */
const EVENT_TOKENS_MAX = 1024
const TOP_MAX = 20
const TOKEN_CHARS_MAX = 1024

/** What an event says of its tokens. What is no log-probability is left out. */
export function logprobsIn(value: unknown): Logprob[] {
  if (!isRecord(value)) return []
  const { content, tokens, token_logprobs: numbers, top_logprobs: tops } = value
  if (Array.isArray(content)) return content.slice(0, EVENT_TOKENS_MAX).flatMap(ofChat)
  if (!Array.isArray(tokens) || !Array.isArray(numbers)) return []
  return tokens.slice(0, EVENT_TOKENS_MAX).flatMap((token, at) => {
    const top: unknown = Array.isArray(tops) ? tops[at] : undefined
    const others = isRecord(top) ? Object.entries(top).slice(0, TOP_MAX) : []
    return entryOf(token, numbers[at]).map(entry => ({
      ...entry,
      top: others.flatMap(([other, number]) => entryOf(other, number)).sort((a, b) => b.logprob - a.logprob)
    }))
  })
}

function ofChat(one: unknown): Logprob[] {
  if (!isRecord(one)) return []
  const others = Array.isArray(one.top_logprobs) ? one.top_logprobs.slice(0, TOP_MAX).filter(isRecord) : []
  const top = others.flatMap(({ token, logprob }) => entryOf(token, logprob))
  return entryOf(one.token, one.logprob).map(entry => ({ ...entry, top }))
}

/** Rounding of a server may make a certain token more than certain. */
const entryOf = (token: unknown, logprob: unknown): { token: string; logprob: number }[] =>
  typeof token === 'string' && token.length <= TOKEN_CHARS_MAX && Number.isFinite(logprob)
    ? [{ token, logprob: Math.min(Number(logprob), 0) }]
    : []
