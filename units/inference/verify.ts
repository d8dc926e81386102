/** Receipts: which device answered what, checked without asking any other device. */

import * as z from 'zod'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { TENSOR_BYTES_MAX } from '../../interface/limits.ts'
import type { LumosNode } from '../../interface/node.ts'
import { ReceiptTexts, ReceiptVerdict } from '../../interface/receipts.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import { defineUnit } from '../define-unit.ts'
import { Chunk, inJson } from './chunk.ts'
import { Question } from './run.ts'

/** More pieces than an answer has that people keep in a file. */
const PIECES_MAX = 65_536

const Given = z
  .strictObject({
    receipts: ReceiptTexts,
    /** As `inference.run` takes it. */
    request: Question.optional(),
    /** The text of the answer. */
    answer: z.string().optional(),
    /** Or its pieces. */
    pieces: z.array(Chunk).max(PIECES_MAX).optional()
  })
  .refine(({ answer, pieces }) => answer === undefined || pieces === undefined, {
    error: 'give the text of the answer or its pieces'
  })

export const verifyUnits = (node: Pick<LumosNode, 'answers'>) => [
  defineUnit({
    name: 'inference.verify',
    kind: 'query',
    permission: 'use',
    summary:
      'Whether receipts were signed by devices of this mesh, for this request and answer. Asks no other device.',
    // A request may be as large as the one that was made.
    inputBytesMax: inJson(TENSOR_BYTES_MAX),
    examples: [
      {
        input: {
          receipts: ['CiQIARIg'],
          request: { task: textGeneration.name, input: { prompt: 'The capital of Norway is' } },
          answer: ' Oslo.'
        }
      }
    ],
    input: Given,
    output: ReceiptVerdict,
    run: ({ receipts, request, answer, pieces }) =>
      node.answers.verify(receipts, {
        request,
        answer: answer ?? (pieces as readonly InferenceChunk[] | undefined)
      })
  })
]
