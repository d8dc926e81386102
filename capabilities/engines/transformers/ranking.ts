/** Text ranking with a cross-encoder: it reads the query and a document together, and gives one score. */

import type { PreTrainedModel, Tensor } from '@huggingface/transformers'
import { EngineFailedError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { inputsOf, type TextReader, textBatcher, tokenized, tokensIn } from './batches.ts'

export interface RankingModel extends TextReader {
  readonly model: PreTrainedModel
}

/** Answers requests for ranks, the pairs of several together. */
export function ranking({ model, ...reader }: RankingModel) {
  const batcher = textBatcher(reader, async batch => {
    const { logits }: { logits: Tensor } = await model(inputsOf(batch, reader.tokenizer.pad_token_id ?? 0))
    const scores = logits.to('float32').data as Float32Array
    if (scores.length !== batch.length)
      throw new EngineFailedError('The graph gives more than one score for a pair.')
    return [...scores]
  })
  return async (
    { query, documents }: TaskInput<'text-ranking'>,
    { topN }: TaskParams<'text-ranking'>,
    options: AbortOptions
  ): Promise<{ output: unknown; inputTokens: number }> => {
    const pairs = documents.map(document => [query, document] as const)
    const all = await tokenized(reader, pairs, options)
    const scores = await batcher.all(all, options)
    const results = scores.map((score, index) => ({ index, score: sigmoid(score) }))
    results.sort((a, b) => b.score - a.score || a.index - b.index)
    return { output: { results: results.slice(0, topN) }, inputTokens: tokensIn(all) }
  }
}

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value))
