/** `POST /v1/embeddings` */

import type { Context } from 'hono'
import * as z from 'zod'
import { featureExtraction, TEXTS_MAX } from '../../interface/tasks/feature-extraction.ts'
import type { AppEnv } from '../app-env.ts'
import {
  type AskComponents,
  answerWhole,
  LARGE_BODY_BYTES_MAX,
  readBody,
  unitContext
} from '../asking/call.ts'
import { ModelName, rightModel } from '../asking/model-name.ts'
import { usageOf } from '../asking/pieces.ts'
import { StaysLoaded } from '../asking/sampling.ts'
import { defined, maybe, oneOf, textsUpTo } from '../asking/schema.ts'

const UNIT = 'inference.embed'
const FORMATS = ['float', 'base64'] as const
const FLOAT_BYTES = 4

const Embeddings = z.object({
  model: ModelName,
  input: textsUpTo(TEXTS_MAX),
  encoding_format: maybe(z.enum(FORMATS, oneOf(FORMATS))),
  dimensions: maybe(featureExtraction.params.shape.dimensions),
  keep_alive: StaysLoaded
})

interface Embedded {
  readonly embeddings: readonly (readonly number[])[]
  readonly usage: { readonly input_tokens?: number }
}

export const embeddingRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const { model, input, encoding_format, dimensions, keep_alive } = await readBody(
    c,
    components,
    Embeddings,
    LARGE_BODY_BYTES_MAX
  )
  return rightModel(components, c, { model, task: featureExtraction.name }, async () => {
    const asked = defined({ model, input, dimensions, keep_alive })
    const { embeddings, usage } = (await components.units.execute(
      UNIT,
      asked,
      unitContext(c, UNIT)
    )) as Embedded
    const { inputTokens } = usageOf([usage])
    return answerWhole(c, {
      object: 'list',
      data: embeddings.map((vector, index) => ({
        ...{ object: 'embedding', index },
        embedding: encoding_format === 'base64' ? inBase64(vector) : vector
      })),
      model,
      usage: { prompt_tokens: inputTokens, total_tokens: inputTokens }
    })
  })
}

/** float32, little-endian: what the client in JavaScript asks for when nothing is said. */
function inBase64(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * FLOAT_BYTES)
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, i * FLOAT_BYTES)
  return bytes.toString('base64')
}
