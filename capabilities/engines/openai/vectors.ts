/** Vectors and rankings, as compatible servers answer with them. */

import { EngineFailedError } from '../../../interface/errors.ts'
import { isRecord } from '../../../interface/record.ts'
import { dimensionsOf, normalized } from '../vectors.ts'

/** `{data: [{index, embedding}]}`, in any order, with numbers or base64. */
export function vectorsOf(
  answer: unknown,
  {
    count,
    wanted,
    server
  }: { readonly count: number; readonly wanted?: number | undefined; readonly server: string }
): { dimensions: number; vectors: Uint8Array } {
  const wrong = (what: string) => new EngineFailedError(`${server} answered ${what}.`)
  const data = isRecord(answer) && Array.isArray(answer.data) ? answer.data.filter(isRecord) : []
  if (data.length !== count) throw wrong(`${count} texts with ${data.length} vectors`)

  const rows: Float32Array[] = []
  for (const [n, { index, embedding }] of data.entries()) {
    const place = Number.isSafeInteger(index) ? Number(index) : n
    if (place < 0 || place >= count || rows[place] !== undefined) throw wrong('with vectors of wrong indexes')
    rows[place] = rowOf(embedding)
  }
  const width = rows[0]!.length
  if (width === 0 || rows.some(row => row.length !== width || !row.every(Number.isFinite))) {
    throw wrong('with vectors of different lengths, or of no numbers')
  }
  const dimensions = dimensionsOf(width, wanted)
  const vectors = new Float32Array(count * dimensions)
  // Some servers do not know the word, and give all numbers.
  for (const [n, row] of rows.entries())
    vectors.set(dimensions === width ? row : normalized(row.subarray(0, dimensions)), n * dimensions)
  return { dimensions, vectors: new Uint8Array(vectors.buffer) }
}

function rowOf(embedding: unknown): Float32Array {
  if (Array.isArray(embedding)) return Float32Array.from(embedding as number[])
  const bytes = Buffer.from(String(embedding), 'base64')
  // A copy begins where floats may begin.
  return new Float32Array(Uint8Array.from(bytes.subarray(0, bytes.length - (bytes.length % 4))).buffer)
}

/** `{results: [{index, relevance_score}]}`: scores that are no shares of 1 are logits. */
export function rankingOf(
  answer: unknown,
  count: number,
  topN: number,
  server: string
): { results: { index: number; score: number }[] } {
  const listed = isRecord(answer) ? (answer.results ?? answer.data) : answer
  const results = (Array.isArray(listed) ? listed : []).filter(isRecord).map(one => ({
    index: Number(one.index),
    score: Number(one.relevance_score ?? one.score)
  }))
  const seen = new Set(results.map(({ index }) => index))
  const isWhole = results.every(({ index, score }) => index >= 0 && index < count && Number.isFinite(score))
  if (results.length === 0 || seen.size !== results.length || !isWhole) {
    throw new EngineFailedError(`${server} answered with no ranking of these documents.`)
  }
  const areShares = results.every(({ score }) => score >= 0 && score <= 1)
  return {
    results: results
      .map(({ index, score }) => ({ index, score: areShares ? score : 1 / (1 + Math.exp(-score)) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, topN)
  }
}
