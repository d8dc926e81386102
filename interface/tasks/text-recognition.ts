import * as z from 'zod'
import { LINES_MAX } from '../limits.ts'
import { defineTask } from './definition.ts'
import { Image } from './images.ts'
import { keepAlive } from './keep-alive.ts'
import { saysAlmost } from './lines-agree.ts'
import { Place } from './places.ts'

/** More than a line across a page has. */
const LINE_CHARS_MAX = 1024

export const textRecognition = defineTask({
  name: 'text-recognition',
  summary: 'Read the text in an image.',
  input: z.strictObject({ image: Image }),
  params: z.strictObject({ keepAlive }),
  output: z.object({
    /** In the order in which a person reads them. */
    lines: z
      .array(
        z.object({
          text: z.string().max(LINE_CHARS_MAX),
          score: z.number().min(0).max(1),
          /** The corners of the line, clockwise from where its text begins, above. */
          quad: z.array(Place).length(4)
        })
      )
      .max(LINES_MAX)
  }),
  argument: { from: 'file', input: image => ({ image }) },
  agrees: ({ lines: one }, { lines: other }) => saysAlmost(textsOf(one), textsOf(other)),
  sizeOf: ({ image }) => image.byteLength,
  shown: ({ lines }) => lines.map(({ text }) => text).join('\n')
})

const textsOf = (lines: readonly { readonly text: string }[]): string[] => lines.map(({ text }) => text)
