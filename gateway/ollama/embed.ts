/** `POST /api/embed`, and `POST /api/embeddings`, which was there before it. */

import type { Context } from 'hono'
import * as z from 'zod'
import { featureExtraction, TEXTS_MAX } from '../../interface/tasks/feature-extraction.ts'
import { Text } from '../../interface/tasks/messages.ts'
import type { AppEnv } from '../app-env.ts'
import {
  type AskComponents,
  answerWhole,
  LARGE_BODY_BYTES_MAX,
  readBody,
  unitContext
} from '../asking/call.ts'
import { StaysLoaded } from '../asking/sampling.ts'
import { defined, listOf, maybe } from '../asking/schema.ts'
import { askNamed, named, nameIn } from './names.ts'
import { ns } from './parts.ts'

const UNIT = 'inference.embed'

const Embed = named({
  input: maybe(z.union([Text.transform(text => (text === '' ? [] : [text])), listOf(Text, TEXTS_MAX, 0)])),
  dimensions: maybe(featureExtraction.params.shape.dimensions),
  keep_alive: StaysLoaded
})
const Embeddings = named({ prompt: maybe(Text), keep_alive: StaysLoaded })

interface Embedded {
  readonly embeddings: readonly (readonly number[])[]
  readonly usage: { readonly input_tokens?: number }
}

export const embedRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const body = await readBody(c, components, Embed, LARGE_BODY_BYTES_MAX)
  const { input = [], dimensions, keep_alive } = body
  const startMs = components.clock.monotonicMs()
  const name = nameIn(body)
  return askEmbedder(
    components,
    c,
    { name, texts: input, dimensions, keep_alive },
    ({ embeddings, usage }) => ({
      ...{ model: name, embeddings: embeddings.map(ofLengthOne) },
      ...{ total_duration: ns(components.clock.monotonicMs() - startMs), load_duration: 0 },
      prompt_eval_count: usage.input_tokens ?? 0
    })
  )
}

/** So does Ollama for `/api/embed`, and not for the route before it. Vectors of models differ in length. */
function ofLengthOne(vector: readonly number[]): readonly number[] {
  const length = Math.hypot(...vector)
  return length > 0 ? vector.map(value => value / length) : vector
}

export const embeddingsRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const body = await readBody(c, components, Embeddings, LARGE_BODY_BYTES_MAX)
  const { prompt = '', keep_alive } = body
  const asked = { name: nameIn(body), texts: prompt === '' ? [] : [prompt], keep_alive }
  return askEmbedder(components, c, asked, ({ embeddings }) => ({ embedding: embeddings[0] ?? [] }))
}

interface Asked {
  readonly name: string
  /** None: the model is loaded, and there is nothing to answer. */
  readonly texts: readonly string[]
  readonly dimensions?: number | undefined
  readonly keep_alive: string | number | undefined
}

const askEmbedder = (
  components: AskComponents,
  c: Context<AppEnv>,
  { name, texts, dimensions, keep_alive }: Asked,
  bodyOf: (embedded: Embedded) => object
): Promise<Response> =>
  askNamed(components, c, { name, task: featureExtraction.name, what: 'embed' }, async ({ id }) => {
    const input = defined({ model: id, input: texts.length > 0 ? texts : ['.'], dimensions, keep_alive })
    const embedded = (await components.units.execute(UNIT, input, unitContext(c, UNIT))) as Embedded
    return answerWhole(c, bodyOf(texts.length > 0 ? embedded : { embeddings: [], usage: {} }))
  })
