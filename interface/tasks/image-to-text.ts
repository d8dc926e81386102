import * as z from 'zod'
import { TEXT_CHARS_MAX } from '../limits.ts'
import { defineTask } from './definition.ts'
import { Image } from './images.ts'
import { keepAlive } from './keep-alive.ts'

/** Tokens of a description: a page of text in a picture, and the room of no model that does this is larger. */
const TOKENS_MAX = 4096

export const imageToText = defineTask({
  name: 'image-to-text',
  summary: 'Describe an image, or read it, in words.',
  input: z.strictObject({ image: Image }),
  /** `maxTokens` absent: as the model says. */
  params: z.strictObject({ maxTokens: z.int().min(1).max(TOKENS_MAX).optional(), keepAlive }),
  output: z.object({ text: z.string().max(TEXT_CHARS_MAX) }),
  argument: { from: 'file', input: image => ({ image }) },
  sizeOf: ({ image }) => image.byteLength
})
