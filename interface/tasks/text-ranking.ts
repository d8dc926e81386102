import * as z from 'zod'
import { isNear } from './agreement.ts'
import { defineTask } from './definition.ts'
import { keepAlive } from './keep-alive.ts'
import { Text } from './messages.ts'
import { charsOf, textsUpTo } from './texts.ts'

/** Documents of one request: what a search brings before it is put in order. */
export const DOCUMENTS_MAX = 1024

export const textRanking = defineTask({
  name: 'text-ranking',
  summary: 'Put documents in the order in which they answer a query.',
  input: z.strictObject({
    query: Text,
    documents: textsUpTo(DOCUMENTS_MAX)
  }),
  /** Absent: all. */
  params: z.strictObject({ topN: z.int().min(1).max(DOCUMENTS_MAX).optional(), keepAlive }),
  output: z.object({
    /** Best first; `score` is between 0 and 1. */
    results: z
      .array(
        z.object({
          index: z
            .int()
            .min(0)
            .max(DOCUMENTS_MAX - 1),
          score: z.number().min(0).max(1)
        })
      )
      .max(DOCUMENTS_MAX)
  }),
  argument: { from: 'json' },
  fits: ({ results }, { documents }) =>
    new Set(results.map(({ index }) => index)).size === results.length &&
    results.every(({ index }) => index < documents.length),
  // Documents that are about as good may change places.
  agrees: ({ results: one }, { results: other }) =>
    one.length === other.length &&
    one.every(({ index, score }) => other.some(like => like.index === index && isNear(like.score, score))),
  sizeOf: ({ query, documents }) => query.length + charsOf(documents)
})
