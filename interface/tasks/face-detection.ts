import * as z from 'zod'
import { FACE_NUMBERS_MAX, FACES_MAX, VECTORS_BYTES_MAX } from '../limits.ts'
import { areNear, floatsOf } from './agreement.ts'
import { pairsOf } from './boxes-agree.ts'
import { bytesMax } from './bytes.ts'
import { defineTask } from './definition.ts'
import { Image } from './images.ts'
import { keepAlive } from './keep-alive.ts'
import { Box, Place } from './places.ts'

/** What is less certain than this may be no face to another processor. */
const CERTAIN = 0.6

const Face = z.object({
  /** As a person sees the picture, upright. */
  box: Box,
  /** Two eyes, the nose, two corners of the mouth; those at the left of the image first. */
  points: z.array(Place).length(5),
  score: z.number().min(0).max(1)
})

export const faceDetection = defineTask({
  name: 'face-detection',
  summary: 'Find the faces in an image.',
  input: z.strictObject({ image: Image }),
  /** `embeddings`: a vector of each face comes too, by which two faces are compared. */
  params: z.strictObject({ embeddings: z.boolean().default(false), keepAlive }),
  output: z
    .object({
      /** Surest first. */
      faces: z.array(Face).max(FACES_MAX),
      dimensions: z.int().min(1).max(FACE_NUMBERS_MAX).optional(),
      /** Of length 1 each, in the order of the faces, each `dimensions` numbers: float32, little-endian. */
      embeddings: bytesMax(VECTORS_BYTES_MAX).optional()
    })
    .refine(
      ({ faces, dimensions, embeddings }) =>
        (embeddings?.byteLength ?? 0) === 4 * (dimensions ?? 0) * faces.length,
      { error: 'faces, dimensions and embeddings disagree about the number of bytes' }
    ),
  argument: { from: 'file', input: image => ({ image }) },
  fits: ({ embeddings }) => embeddings === undefined || floatsOf(embeddings).every(Number.isFinite),
  agrees(one, other) {
    const pairs = pairsOf(one.faces, other.faces, { threshold: CERTAIN, isSame: () => true })
    if (pairs === undefined) return false
    if (one.faces.length === 0 || other.faces.length === 0) return true
    if (one.dimensions !== other.dimensions) return false
    return pairs.every(([a, b]) => areNear(embeddingOf(one, a), embeddingOf(other, b)))
  },
  sizeOf: ({ image }) => image.byteLength,
  shown: ({ faces }) =>
    faces.length === 0 ? 'No face was found.' : faces.map(({ box, score }) => ({ box, score }))
})

/** Empty where none was asked for. */
const embeddingOf = (
  { dimensions = 0, embeddings = new Uint8Array() }: { dimensions?: number; embeddings?: Uint8Array },
  at: number
): number[] => floatsOf(embeddings.subarray(4 * dimensions * at, 4 * dimensions * (at + 1)))
