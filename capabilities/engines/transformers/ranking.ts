/** Text ranking with a cross-encoder: it reads the query and a document together, and gives one score. */

import type { PreTrainedModel, Tensor } from '@huggingface/transformers'
import { EngineFailedError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { batchesOf, inputsOf, type TextReader, tokenized } from './batches.ts'

export interface RankingModel extends TextReader {
  readonly model: PreTrainedModel
}

export async function rank(
  { model, ...reader }: RankingModel,
  { query, documents }: TaskInput<'text-ranking'>,
  { topN }: TaskParams<'text-ranking'>,
  { signal }: AbortOptions
): Promise<{ output: unknown; inputTokens: number }> {
  const pairs = documents.map(document => [query, document] as const)
  const all = tokenized(reader, pairs)
  const results: { index: number; score: number }[] = []
  for (const batch of batchesOf(all)) {
    signal?.throwIfAborted()
    const { logits }: { logits: Tensor } = await model(inputsOf(batch, reader.tokenizer.pad_token_id ?? 0))
    const scores = logits.to('float32').data as Float32Array
    if (scores.length !== batch.length)
      throw new EngineFailedError('The graph gives more than one score for a pair.')
    for (const [row, { at }] of batch.entries()) results.push({ index: at, score: sigmoid(scores[row]!) })
  }
  signal?.throwIfAborted()
  results.sort((a, b) => b.score - a.score || a.index - b.index)
  return {
    output: { results: results.slice(0, topN) },
    inputTokens: all.reduce((sum, { ids }) => sum + ids.length, 0)
  }
}

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value))
