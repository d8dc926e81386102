/** `POST /api/generate`: a question of one text, or with `raw` a text that is continued as it is. */

import type { Context } from 'hono'
import * as z from 'zod'
import { Text } from '../../interface/tasks/messages.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import type { AppEnv } from '../app-env.ts'
import { type AskComponents, LARGE_BODY_BYTES_MAX, readBody } from '../asking/call.ts'
import { maybe, unsupported } from '../asking/schema.ts'
import { answer, type Body } from './answer.ts'
import { loadOrUnload } from './load.ts'
import { contentOf, Images } from './messages.ts'
import { askNamed, named, nameIn } from './names.ts'
import { paramsOf, Shared } from './options.ts'

const isEmpty = (value: unknown) => value === '' || (Array.isArray(value) && value.length === 0)

const Generate = named({
  ...Shared,
  prompt: maybe(Text),
  system: maybe(Text),
  images: Images,
  raw: maybe(z.boolean()),
  suffix: unsupported(isEmpty, 'No model here fills in what is missing in a text.'),
  template: unsupported(isEmpty, "A model's own template is used; with raw, the prompt is given as it is."),
  context: unsupported(isEmpty, 'Give the conversation to /api/chat: tokens are of one model alone.')
})

const bodyOf: Body = ({ text = '', thinking }) => ({ response: text, ...(thinking && { thinking }) })

export const generateRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const body = await readBody(c, components, Generate, LARGE_BODY_BYTES_MAX)
  const { prompt = '', system = '', images = [], raw, keep_alive, think, stream = true } = body
  const name = nameIn(body)
  return askNamed(components, c, { name, task: textGeneration.name, what: 'generate' }, async named => {
    if (prompt === '' && images.length === 0)
      return loadOrUnload(components, c, { named, name, keep_alive, body: bodyOf({}) })
    const shared = { model: named.id, ...paramsOf(body) }
    const wanted = { name, think, stream, bodyOf }
    if (raw)
      return answer(components, c, { unit: 'inference.complete', input: { ...shared, prompt }, ...wanted })
    const messages = [
      ...(system === '' ? [] : [{ role: 'system', content: system }]),
      { role: 'user', content: contentOf(prompt, images) }
    ]
    return answer(components, c, { unit: 'inference.chat', input: { ...shared, messages }, ...wanted })
  })
}
