import * as z from 'zod'
import { defineTask } from './definition.ts'
import { Image, Labels, topK } from './images.ts'
import { keepAlive } from './keep-alive.ts'

export const imageClassification = defineTask({
  name: 'image-classification',
  summary: 'Say what an image shows.',
  input: z.strictObject({ image: Image }),
  params: z.strictObject({ topK, keepAlive }),
  output: Labels,
  argument: { from: 'file', input: image => ({ image }) },
  sizeOf: ({ image }) => image.byteLength
})
