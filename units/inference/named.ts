/** Tasks under the short names by which programs of this kind know them. Each unit is a row here; its schemas are those of its tasks. */

import type { LumosNode } from '../../interface/node.ts'
import { imageClassification } from '../../interface/tasks/image-classification.ts'
import { IMAGE_BYTES_MAX } from '../../interface/tasks/images.ts'
import { objectDetection } from '../../interface/tasks/object-detection.ts'
import { textRanking } from '../../interface/tasks/text-ranking.ts'
import { zeroShotImageClassification } from '../../interface/tasks/zero-shot-image-classification.ts'
import { inJson, TEXTS_BYTES_MAX } from './chunk.ts'
import { namedUnit, type Row } from './named-unit.ts'
import { PIXEL } from './pixel.ts'

const ROWS: readonly Row[] = [
  {
    name: 'inference.classify',
    summary: 'Say what an image shows, or which of the given labels fits it.',
    tasks: [imageClassification, zeroShotImageClassification],
    inputBytesMax: inJson(IMAGE_BYTES_MAX),
    examples: [
      {
        input: { image: PIXEL, top_k: 1 },
        output: { model: 'digits-cnn', labels: [{ label: '7', score: 0.99 }] }
      },
      {
        input: { image: PIXEL, labels: ['a cat', 'a dog'], top_k: 1 },
        output: { model: 'tiny-clip', labels: [{ label: 'a dog', score: 0.8 }] }
      }
    ]
  },
  {
    name: 'inference.detect',
    tasks: [objectDetection],
    inputBytesMax: inJson(IMAGE_BYTES_MAX),
    outputNames: { objects: 'detections' },
    examples: [
      {
        input: { image: PIXEL, threshold: 0.6 },
        output: {
          model: 'yolos-tiny',
          detections: [{ label: 'cat', score: 0.9, box: { xmin: 4, ymin: 8, xmax: 120, ymax: 96 } }]
        }
      }
    ]
  },
  {
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
        output: {
          model: 'tiny-rank',
          results: [{ index: 1, score: 0.97 }],
          usage: { input_tokens: 6 }
        }
      }
    ]
  }
]

export const namedUnits = (node: LumosNode) => ROWS.map(row => namedUnit(node, row))
