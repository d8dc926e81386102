/** Vectors as people and programs read them: numbers, and no base64. */

import { featureExtraction } from '../../../interface/tasks/feature-extraction.ts'
import { imageFeatureExtraction } from '../../../interface/tasks/image-feature-extraction.ts'
import { Vectors } from '../../../interface/tasks/vectors.ts'

const FLOAT_BYTES = 4
/** Of a vector, for a person: enough to tell two apart. */
const SHOWN_MAX = 6

interface Embedded {
  readonly dimensions: number
  readonly embeddings: readonly (readonly number[])[]
}

const TASKS: readonly string[] = [featureExtraction.name, imageFeatureExtraction.name]

/** The output of this task with its vectors as numbers; nothing for that of another task. */
export function embedded(task: string, output: unknown): Embedded | undefined {
  if (!TASKS.includes(task)) return undefined
  const { dimensions, vectors } = Vectors.parse(output)
  const view = new DataView(vectors.buffer, vectors.byteOffset, vectors.byteLength)
  const count = vectors.byteLength / (FLOAT_BYTES * dimensions)
  const vectorAt = (row: number) =>
    Array.from({ length: dimensions }, (_, i) => view.getFloat32((row * dimensions + i) * FLOAT_BYTES, true))
  return { dimensions, embeddings: Array.from({ length: count }, (_, row) => vectorAt(row)) }
}

/** One line for each text or picture. */
export const vectorLines = ({ dimensions, embeddings }: Embedded): string =>
  embeddings
    .map(vector => {
      const numbers = vector.slice(0, SHOWN_MAX).map(number => number.toFixed(4))
      const more = dimensions > SHOWN_MAX ? `, … ${dimensions} numbers` : ''
      return `[${numbers.join(', ')}${more}]`
    })
    .join('\n')
