import * as z from 'zod'
import { TENSOR_BYTES_MAX } from '../limits.ts'
import { defineTask } from './definition.ts'
import { Image } from './images.ts'
import { keepAlive } from './keep-alive.ts'
import { areNearVectors, areVectorsOf, Vectors } from './vectors.ts'

/** Pictures of one request: as many as one message has attachments. */
const IMAGES_MAX = 64

const bytesOf = (images: readonly Uint8Array[]): number =>
  images.reduce((sum, { byteLength }) => sum + byteLength, 0)

export const imageFeatureExtraction = defineTask({
  name: 'image-feature-extraction',
  summary: 'Turn images into vectors, so that near ones look alike.',
  input: z.strictObject({
    images: z
      .array(Image)
      .min(1)
      .max(IMAGES_MAX)
      .refine(images => bytesOf(images) <= TENSOR_BYTES_MAX, {
        error: `hold more than ${TENSOR_BYTES_MAX} bytes together`
      })
  }),
  params: z.strictObject({ keepAlive }),
  /** Of length 1. Where the model reads texts too, the vectors of both can be compared. */
  output: Vectors,
  raw: true,
  argument: { from: 'file', input: image => ({ images: [image] }) },
  fits: (output, { images }) => areVectorsOf(output, images.length),
  agrees: areNearVectors,
  sizeOf: ({ images }) => bytesOf(images)
})
