import * as z from 'zod'
import { isNear } from './agreement.ts'
import { defineTask } from './definition.ts'
import { Image, Labels, topK } from './images.ts'
import { keepAlive } from './keep-alive.ts'

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
  input: z.strictObject({ image: Image }),
  params: z.strictObject({ topK, keepAlive }),
  output: Labels,
  argument: { from: 'file', input: image => ({ image }) },
  agrees: ({ labels: one }, { labels: other }) =>
    one.length === 0 ? other.length === 0 : holds(one, other) && holds(other, one),
  sizeOf: ({ image }) => image.byteLength
})
