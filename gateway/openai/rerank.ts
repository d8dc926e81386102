/** `POST /v1/rerank`, in the form of Cohere and Jina, which OpenAI does not have. */

import type { Context } from 'hono'
import * as z from 'zod'
import { Text } from '../../interface/tasks/messages.ts'
import { DOCUMENTS_MAX, textRanking } from '../../interface/tasks/text-ranking.ts'
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
import { defined, listOf, maybe } from '../asking/schema.ts'

const UNIT = 'inference.rerank'

const Rerank = z.object({
  model: ModelName,
  query: Text,
  documents: listOf(z.union([Text, z.object({ text: Text })]), DOCUMENTS_MAX).transform(documents =>
    documents.map(document => (typeof document === 'string' ? document : document.text))
  ),
  top_n: maybe(z.int().min(1)),
  return_documents: maybe(z.boolean()),
  keep_alive: StaysLoaded
})

interface Ranked {
  readonly results: readonly { readonly index: number; readonly score: number }[]
  readonly usage: { readonly input_tokens?: number }
}

export const rerankRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const { model, query, documents, top_n, return_documents, keep_alive } = await readBody(
    c,
    components,
    Rerank,
    LARGE_BODY_BYTES_MAX
  )
  return rightModel(components, c, { model, task: textRanking.name }, async () => {
    const asked = defined({
      ...{ model, query, documents, keep_alive },
      top_n: top_n && Math.min(top_n, documents.length)
    })
    const { results, usage } = (await components.units.execute(UNIT, asked, unitContext(c, UNIT))) as Ranked
    return answerWhole(c, {
      ...{ id: c.var.call.requestId, object: 'list', model },
      results: results.map(({ index, score }) => ({
        ...{ index, relevance_score: score },
        ...(return_documents && { document: { text: documents[index] } })
      })),
      usage: { total_tokens: usageOf([usage]).inputTokens }
    })
  })
}
