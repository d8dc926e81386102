/** `POST /api/chat` */

import type { Context } from 'hono'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import type { AppEnv } from '../app-env.ts'
import { type AskComponents, LARGE_BODY_BYTES_MAX, readBody } from '../asking/call.ts'
import { ChatTools } from '../openai/tools.ts'
import { answer, type Body } from './answer.ts'
import { loadOrUnload } from './load.ts'
import { Messages, toUnit } from './messages.ts'
import { askNamed, named, nameIn } from './names.ts'
import { paramsOf, Shared } from './options.ts'

const Chat = named({ ...Shared, messages: Messages, tools: ChatTools })

const bodyOf: Body = ({ text = '', thinking, calls = [] }) => ({
  message: {
    ...{ role: 'assistant', content: text },
    ...(thinking && { thinking }),
    ...(calls.length > 0 && { tool_calls: calls })
  }
})

export const chatRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const body = await readBody(c, components, Chat, LARGE_BODY_BYTES_MAX)
  const { messages = [], tools = [], keep_alive, think, stream = true } = body
  const name = nameIn(body)
  return askNamed(components, c, { name, task: textGeneration.name, what: 'chat' }, async named => {
    if (messages.length === 0)
      return loadOrUnload(components, c, { named, name, keep_alive, body: bodyOf({}) })
    const input = {
      ...{ model: named.id, messages: toUnit(messages), ...paramsOf(body) },
      ...(tools.length > 0 && { tools })
    }
    return answer(components, c, { unit: 'inference.chat', input, name, think, stream, bodyOf })
  })
}
