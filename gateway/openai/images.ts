/** `POST /v1/images/generations`: pictures of what a text describes, in base64. */

import type { Context } from 'hono'
import * as z from 'zod'
import type { TaskOutput } from '../../interface/tasks/index.ts'
import { textToImage } from '../../interface/tasks/text-to-image.ts'
import type { AppEnv } from '../app-env.ts'
import { type AskComponents, answerWhole, readBody, unitContext } from '../asking/call.ts'
import { ModelName, rightModel } from '../asking/model-name.ts'
import { StaysLoaded } from '../asking/sampling.ts'
import { defined, maybe, oneOf, unsupported } from '../asking/schema.ts'

const UNIT = 'inference.run'
const TASK = textToImage.name
/** No picture is kept under a URL. */
const FORMATS = ['b64_json'] as const
const SIZE_WORDS = 'must be auto, or a width and a height from 16 to 4096, such as 1024x768'
const SIZE = /^(?:auto|[1-9]\d{1,3}x[1-9]\d{1,3})$/
const { count, width, height, seed, steps, negativePrompt } = textToImage.params.shape

/** `1024x768`; `auto` is as the model likes it. */
const Size = maybe(z.string().regex(SIZE, SIZE_WORDS)).transform((size, context) => {
  if (size === undefined || size === 'auto') return {}
  const [w, h] = size.split('x').map(Number)
  if (width.safeParse(w).success && height.safeParse(h).success) return { width: w, height: h }
  context.addIssue({ code: 'custom', message: SIZE_WORDS })
  return z.NEVER
})

const Generation = z.object({
  model: ModelName,
  prompt: textToImage.input.shape.prompt,
  n: maybe(count),
  size: Size,
  response_format: maybe(z.enum(FORMATS, oneOf(FORMATS))),
  quality: unsupported(value => value === 'auto' || value === 'standard'),
  style: unsupported(() => false),
  background: unsupported(value => value === 'auto'),
  output_format: unsupported(() => false, 'The engine of the model chooses it.'),
  stream: unsupported(value => value === false),
  /** Not of OpenAI; most servers that speak its protocol know them. */
  seed: maybe(seed),
  steps: maybe(steps),
  negative_prompt: maybe(negativePrompt),
  keep_alive: StaysLoaded
})

export const imageRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const body = await readBody(c, components, Generation)
  const { model, prompt, n, size, seed, steps, negative_prompt, keep_alive } = body
  const params = defined({ count: n, ...size, seed, steps, negative_prompt, keep_alive })
  const question = { task: TASK, model, input: { prompt }, params }

  return rightModel(components, c, { model, task: TASK }, async () => {
    const answer = await components.units.execute(UNIT, question, unitContext(c, UNIT))
    const { images } = (answer as { output: TaskOutput<typeof TASK> }).output
    return answerWhole(c, {
      created: Math.floor(components.clock.wallMs() / 1000),
      data: images.map(({ image }) => ({ b64_json: image }))
    })
  })
}
