/** Models that answer with numbers: vectors of texts, and how well a text answers a query. */

import { LumosError } from '../../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../../interface/inference.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { dimensionsOf, normalized } from '../vectors.ts'
import type { LlamaModel } from './library.ts'

type Infer = (request: InferenceRequest, signal: AbortSignal | undefined) => AsyncGenerator<InferenceChunk>

export async function embed(model: LlamaModel, contextTokens: number): Promise<Infer> {
  const context = await model.createEmbeddingContext({ contextSize: contextTokens })
  return async function* ({ input, params }, signal) {
    const { texts } = input as TaskInput<'feature-extraction'>
    const { dimensions: wanted } = params as TaskParams<'feature-extraction'>
    const dimensions = dimensionsOf(model.embeddingVectorSize, wanted)
    const vectors = new Float32Array(dimensions * texts.length)
    let inputTokens = 0
    for (const [n, text] of texts.entries()) {
      signal?.throwIfAborted()
      const tokens = model.tokenize(text)
      checkRoom(contextTokens, tokens.length)
      inputTokens += tokens.length
      const { vector } = await context.getEmbeddingFor(tokens)
      vectors.set(normalized(Float32Array.from(vector.slice(0, dimensions))), n * dimensions)
    }
    yield { type: 'output', index: 0, output: { dimensions, vectors: new Uint8Array(vectors.buffer) } }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: { inputTokens, outputTokens: 0 } }
  }
}

export async function rank(model: LlamaModel, contextTokens: number): Promise<Infer> {
  const context = await model.createRankingContext({ contextSize: contextTokens }).catch((cause: Error) => {
    throw new LumosError('MODEL_INVALID', `The model puts no texts in order: ${cause.message}`, { cause })
  })
  return async function* ({ input, params }, signal) {
    const { query, documents } = input as TaskInput<'text-ranking'>
    const { topN = documents.length } = params as TaskParams<'text-ranking'>
    const results: { index: number; score: number }[] = []
    let inputTokens = 0
    for (const [index, document] of documents.entries()) {
      signal?.throwIfAborted()
      const tokens = context.calculateInputLength(query, document)
      checkRoom(contextTokens, tokens)
      inputTokens += tokens
      results.push({ index, score: await context.rank(query, document) })
    }
    results.sort((a, b) => b.score - a.score)
    yield { type: 'output', index: 0, output: { results: results.slice(0, topN) } }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: { inputTokens, outputTokens: 0 } }
  }
}

function checkRoom(contextTokens: number, promptTokens: number): void {
  if (promptTokens <= contextTokens) return
  throw new LumosError(
    'CONTEXT_TOO_SMALL',
    `The context holds ${contextTokens} tokens, and a text has ${promptTokens}.`,
    { details: { contextTokens, promptTokens, maxTokens: 0 } }
  )
}
