import * as z from 'zod'
import { LABEL_CHARS_MAX, OBJECTS_MAX } from '../limits.ts'
import { pairsOf } from './boxes-agree.ts'
import { defineTask } from './definition.ts'
import { Image } from './images.ts'
import { keepAlive } from './keep-alive.ts'
import { Box } from './places.ts'

export const objectDetection = defineTask({
  name: 'object-detection',
  summary: 'Say what an image shows, and where.',
  input: z.strictObject({ image: Image }),
  /** `threshold`: objects of a lower score are left out. */
  params: z.strictObject({ threshold: z.number().min(0).max(1).default(0.5), keepAlive }),
  output: z.object({
    /** The most certain first. Boxes are in pixels of the picture as a person sees it, upright, from its upper left corner. */
    objects: z
      .array(
        z.object({
          label: z.string().max(LABEL_CHARS_MAX),
          score: z.number().min(0).max(1),
          box: Box
        })
      )
      .max(OBJECTS_MAX)
  }),
  argument: { from: 'file', input: image => ({ image }) },
  agrees: ({ objects: one }, { objects: other }, { threshold }) =>
    pairsOf(one, other, { threshold, isSame: (a, b) => a.label === b.label }) !== undefined,
  sizeOf: ({ image }) => image.byteLength
})
