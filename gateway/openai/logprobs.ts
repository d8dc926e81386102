/** Log-probabilities in the two forms that OpenAI has: of chats, and of completions. */

import type { Logprobs } from '../asking/pieces.ts'

type Entry = Omit<Logprobs[number], 'top'>

/** Half a character has no bytes of its own here. */
const entryOf = ({ token, logprob }: Entry) => ({
  ...{ token, logprob },
  bytes: token.includes('\ufffd') ? null : [...Buffer.from(token)]
})

export const chatLogprobs = (all: Logprobs) => ({
  content: all.map(({ top = [], ...entry }) => ({ ...entryOf(entry), top_logprobs: top.map(entryOf) })),
  refusal: null
})

/** @param offset characters of the text before. */
export function completionLogprobs(all: Logprobs, offset = 0) {
  let at = offset
  return {
    tokens: all.map(({ token }) => token),
    token_logprobs: all.map(({ logprob }) => logprob),
    top_logprobs: all.map(({ top = [] }) =>
      Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))
    ),
    text_offset: all.map(({ token }) => {
      at += token.length
      return at - token.length
    })
  }
}
