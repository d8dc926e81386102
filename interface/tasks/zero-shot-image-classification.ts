import * as z from 'zod'
import { LABEL_CHARS_MAX } from '../limits.ts'
import { defineTask } from './definition.ts'
import { Image, LABELS_MAX, Labels, topK } from './images.ts'
import { keepAlive } from './keep-alive.ts'

export const zeroShotImageClassification = defineTask({
  name: 'zero-shot-image-classification',
  summary: 'Say which of any labels fits an image.',
  input: z.strictObject({ image: Image }),
  params: z.strictObject({
    /** What to choose from; absent: a label set of the model. */
    labels: z.array(z.string().min(1).max(LABEL_CHARS_MAX)).min(1).max(LABELS_MAX).optional(),
    /** The sentence that each label is put into, at `{}`; absent: as the model says. */
    template: z.string().max(LABEL_CHARS_MAX).includes('{}').optional(),
    /** Which label set of the model, where it has several. */
    dataset: z.string().min(1).max(128).optional(),
    topK,
    keepAlive
  }),
  output: Labels,
  argument: { from: 'file', input: image => ({ image }) },
  sizeOf: ({ image }) => image.byteLength
})
