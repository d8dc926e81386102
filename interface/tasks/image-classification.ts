import * as z from 'zod'
import { isNear } from './agreement.ts'
import { bytesMax } from './bytes.ts'
import { defineTask } from './definition.ts'
import { keepAlive } from './keep-alive.ts'

/** Decoded pictures are bounded by the engine; this bounds the file. 25 MiB is what phones produce at most. */
export const IMAGE_BYTES_MAX = 25 * 1024 * 1024

interface Label {
  readonly label: string
  readonly score: number
}

/** Where the last of a list are about as likely, devices may list different ones. */
const UNLIKELY = 0.05

const holds = (one: readonly Label[], other: readonly Label[]): boolean =>
  one.every(
    ({ label, score }) =>
      score < UNLIKELY || other.some(like => like.label === label && isNear(like.score, score))
  )

export const imageClassification = defineTask({
  name: 'image-classification',
  summary: 'Say what an image shows.',
  input: z.strictObject({ image: bytesMax(IMAGE_BYTES_MAX) }),
  params: z.strictObject({ topK: z.int().min(1).max(1000).default(5), keepAlive }),
  output: z.object({
    labels: z.array(z.object({ label: z.string(), score: z.number().min(0).max(1) })).max(1000)
  }),
  argument: { from: 'file', input: image => ({ image }) },
  agrees: ({ labels: one }, { labels: other }) =>
    one.length === 0 ? other.length === 0 : holds(one, other) && holds(other, one),
  sizeOf: ({ image }) => image.byteLength
})
