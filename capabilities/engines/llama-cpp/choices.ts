/** The tokens of an answer as the library draws them, with how likely they were where that is asked for. */

import type { TaskParams } from '../../../interface/tasks/index.ts'
import type { Choice } from '../text/answer-chunks.ts'
import type { Sampling, Sequence, Token } from './library.ts'

export interface LlamaChoice extends Choice {
  readonly token: Token
}

export async function* choicesOf(
  sequence: Sequence,
  last: Token,
  sampling: Sampling,
  { logprobs, topLogprobs = 0 }: TaskParams<'text-generation'>
): AsyncGenerator<LlamaChoice> {
  if (!logprobs) {
    for await (const token of sequence.evaluate([last], sampling)) yield { token }
    return
  }
  const drawn = sequence.evaluateWithMetadata([last], { probabilities: true }, sampling)
  for await (const { token, probabilities } of drawn) {
    const likely = logprobsOf(probabilities, sampling.temperature)
    // They come with the likeliest first.
    const top = [...likely].slice(0, topLogprobs)
    yield { token, likelihoods: [[token, likely.get(token) ?? Number.NEGATIVE_INFINITY], ...top] }
  }
}

/** The library gives what is likely after the temperature: here it is taken out again. */
function logprobsOf(probabilities: ReadonlyMap<Token, number>, temperature: number): Map<Token, number> {
  const power = temperature === 0 ? 1 : temperature
  const scores = new Map<Token, number>()
  let sum = 0
  let most = Number.NEGATIVE_INFINITY
  for (const [token, probability] of probabilities) {
    const score = power * Math.log(probability)
    scores.set(token, score)
    if (score > most) most = score
  }
  for (const score of scores.values()) sum += Math.exp(score - most)
  const all = most + Math.log(sum)
  // Rounding must make none likelier than certain.
  for (const [token, score] of scores) scores.set(token, Math.min(0, score - all))
  return scores
}
