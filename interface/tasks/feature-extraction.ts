import * as z from 'zod'
import { defineTask } from './definition.ts'
import { keepAlive } from './keep-alive.ts'
import { charsOf, textsUpTo } from './texts.ts'
import { areNearVectors, areVectorsOf, DIMENSIONS_MAX, Vectors } from './vectors.ts'

/** Texts of one request: what the SDKs of this field send at most. */
export const TEXTS_MAX = 2048

export const featureExtraction = defineTask({
  name: 'feature-extraction',
  summary: 'Turn texts into vectors, so that near ones mean alike.',
  input: z.strictObject({ texts: textsUpTo(TEXTS_MAX) }),
  /** `dimensions`: only the first so many numbers of each vector, of length 1 again, for models trained for that. */
  params: z.strictObject({ dimensions: z.int().min(1).max(DIMENSIONS_MAX).optional(), keepAlive }),
  output: Vectors,
  raw: true,
  argument: { from: 'text', input: text => ({ texts: [text] }) },
  fits: (output, { texts }) => areVectorsOf(output, texts.length),
  agrees: areNearVectors,
  sizeOf: ({ texts }) => charsOf(texts)
})
