import * as z from 'zod'
import { defineTask } from './definition.ts'
import { Image } from './images.ts'
import { keepAlive } from './keep-alive.ts'

/** A lower one takes more strangers for the same person, a higher one misses more photos of one person. */
const SAME_MIN = 0.4

export const faceVerification = defineTask({
  name: 'face-verification',
  summary: 'Say whether the largest faces of two images are of one person.',
  input: z.strictObject({ images: z.array(Image).length(2) }),
  /** From which similarity on two faces are the same. */
  params: z.strictObject({ threshold: z.number().min(0).max(1).default(SAME_MIN), keepAlive }),
  /** `similarity`: the cosine of both embeddings. */
  output: z.object({ similarity: z.number().min(-1).max(1), same: z.boolean() }),
  argument: { from: 'files', input: images => ({ images }) },
  sizeOf: ({ images }) => images.reduce((sum, { byteLength }) => sum + byteLength, 0),
  shown: ({ similarity, same }) =>
    `${same ? 'The same person' : 'Two persons'}, with a similarity of ${similarity.toFixed(3)}.`
})
