/** How the next token is chosen, in the words of the library. */

import type { Random } from '../../../interface/clock.ts'
import type { TaskParams } from '../../../interface/tasks/index.ts'
import type { Sampling, Token } from './library.ts'

/** What the makers of a model recommend, from its file. */
export interface Recommended {
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly topK?: number | undefined
  readonly minP?: number | undefined
}

/** Tokens that a penalty for repeating looks back on. */
const PENALTY_TOKENS = 64
const SEEDS = 0x7fff_ffff

export function samplingOf(
  params: TaskParams<'text-generation'>,
  recommended: Recommended,
  { written, random }: { readonly written: readonly Token[]; readonly random: Random }
): Sampling {
  const { repetitionPenalty, frequencyPenalty, presencePenalty, seed } = params
  const isPenalized = [repetitionPenalty, frequencyPenalty, presencePenalty].some(one => one !== undefined)
  return {
    temperature: params.temperature ?? recommended.temperature ?? 0,
    topK: params.topK ?? recommended.topK ?? 0,
    topP: params.topP ?? recommended.topP ?? 1,
    minP: params.minP ?? recommended.minP ?? 0,
    seed: seed === undefined ? Math.floor(random() * SEEDS) : Math.abs(seed) % SEEDS,
    ...(isPenalized && {
      repeatPenalty: {
        punishTokens: () => written.slice(-PENALTY_TOKENS),
        penalty: repetitionPenalty ?? 1,
        frequencyPenalty: frequencyPenalty ?? 0,
        presencePenalty: presencePenalty ?? 0
      }
    })
  }
}
