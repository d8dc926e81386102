/** Texts as vectors, and documents put in order. */

import * as z from 'zod'
import { ModelId } from '../../interface/names.ts'
import type { LumosNode } from '../../interface/node.ts'
import { featureExtraction } from '../../interface/tasks/feature-extraction.ts'
import type { TaskOutput } from '../../interface/tasks/index.ts'
import { Text } from '../../interface/tasks/messages.ts'
import { textRanking } from '../../interface/tasks/text-ranking.ts'
import { defineUnit } from '../define-unit.ts'
import { ask } from './ask.ts'
import { Usage } from './chunk.ts'
import type { Row } from './named-unit.ts'

/** Texts of 8 Mi characters together, and what JSON adds to them. */
const TEXTS_BYTES_MAX = 16 * 1024 * 1024
const FLOAT_BYTES = 4

const model = ModelId.optional()
const USAGE = { usage: { input_tokens: 6 } }

export const vectorUnits = (node: LumosNode) => [
  defineUnit({
    name: 'inference.embed',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary: featureExtraction.summary,
    takesPeer: true,
    inputBytesMax: TEXTS_BYTES_MAX,
    examples: [
      {
        input: { input: ['a cat', 'a dog'] },
        output: {
          model: 'tiny-embed',
          dimensions: 2,
          embeddings: [
            [0.6, 0.8],
            [0.8, 0.6]
          ],
          ...USAGE
        }
      }
    ],
    input: z.strictObject({
      model,
      input: z.union([Text, featureExtraction.input.shape.texts]),
      ...featureExtraction.params.shape
    }),
    output: z.strictObject({
      model: z.string(),
      dimensions: z.int(),
      /** One for each text, in their order. */
      embeddings: z.array(z.array(z.number())),
      usage: Usage
    }),
    async run({ model, input, ...params }, context) {
      const texts = typeof input === 'string' ? [input] : input
      const question = { task: featureExtraction.name, model, input: { texts }, params }
      const answer = await ask(node, question, context)
      const output = answer.output as TaskOutput<typeof featureExtraction.name>
      const { model: answered, usage } = answer
      return { model: answered, dimensions: output.dimensions, embeddings: floatsOf(output), usage }
    }
  })
]

/** A row of `named.ts`. */
export const RERANK: Row = {
  name: 'inference.rerank',
  tasks: [textRanking],
  inputBytesMax: TEXTS_BYTES_MAX,
  tellsUsage: true,
  examples: [
    {
      input: {
        query: 'capital of Norway',
        documents: ['Bern is in Switzerland.', 'Oslo is in Norway.'],
        top_n: 1
      },
      output: { model: 'tiny-rank', results: [{ index: 1, score: 0.97 }], ...USAGE }
    }
  ]
}

/** The vectors, which are float32 in little-endian, as numbers. */
function floatsOf({ dimensions, vectors }: TaskOutput<typeof featureExtraction.name>): number[][] {
  const view = new DataView(vectors.buffer, vectors.byteOffset, vectors.byteLength)
  const count = vectors.byteLength / (FLOAT_BYTES * dimensions)
  return Array.from({ length: count }, (_, row) =>
    Array.from({ length: dimensions }, (_, i) => view.getFloat32((row * dimensions + i) * FLOAT_BYTES, true))
  )
}
