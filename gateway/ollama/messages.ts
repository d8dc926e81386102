/** The messages of a chat as Ollama's clients write them, and as units take them. */

import * as z from 'zod'
import { TOOL_CALLS_MAX } from '../../interface/chunks.ts'
import { MESSAGES_MAX, PARTS_MAX, Text } from '../../interface/tasks/messages.ts'
import { Arguments, listOf, maybe, oneOf } from '../asking/schema.ts'
import { Name } from '../openai/messages.ts'

/** A picture in base64; that of a large body is bytes already. */
export const Images = maybe(
  listOf(
    z.custom<string | Uint8Array>(value => value instanceof Uint8Array || typeof value === 'string', {
      error: 'expected a picture in base64'
    }),
    PARTS_MAX - 1,
    0
  )
)
type Images = z.output<typeof Images>

const ROLES = ['system', 'user', 'assistant', 'tool'] as const

const Message = z.object({
  role: z.enum(ROLES, oneOf(ROLES)),
  content: maybe(Text),
  thinking: maybe(Text),
  images: Images,
  tool_calls: maybe(
    listOf(
      z.object({ id: maybe(z.string().max(256)), function: z.object({ name: Name, arguments: Arguments }) }),
      TOOL_CALLS_MAX,
      0
    )
  ),
  tool_name: maybe(z.string().max(256)),
  tool_call_id: maybe(z.string().max(256))
})
type Message = z.output<typeof Message>

/** None at all asks for the model to be loaded. */
export const Messages = maybe(listOf(Message, MESSAGES_MAX, 0))

interface Call {
  readonly id: string
  readonly name: string
}

/** The messages as `inference.chat` takes them. */
export function toUnit(messages: readonly Message[]): object[] {
  /** Calls whose results have not come yet: Ollama's clients name the tool of a result, or leave that to its place. */
  let open: Call[] = []
  return messages.map((message, at) => {
    const { role, content = '', thinking, images, tool_calls: calls = [], tool_name: name } = message
    if (role === 'tool') {
      const call = callOf(message, open) ?? { id: message.tool_call_id || name || `call_${at}`, name }
      open = open.filter(one => one !== call)
      return { role, content, call: call.id, ...(call.name && { name: call.name }) }
    }
    if (role !== 'assistant') return { role, content: contentOf(content, images) }
    const made = calls.map(({ id, function: { name, arguments: words } }, i) => ({
      ...{ id: id || `call_${at}_${i}`, name, arguments: words }
    }))
    if (made.length > 0) open = made
    return {
      ...{ role, content: contentOf(content, images) },
      ...(thinking && { reasoning: thinking }),
      ...(made.length > 0 && { calls: made })
    }
  })
}

const callOf = ({ tool_call_id: id, tool_name: name }: Message, open: readonly Call[]): Call | undefined =>
  open.find(call => (id ? call.id === id : name ? call.name === name : true))

/** Parts where there are pictures: not each model takes parts. */
export const contentOf = (text: string, images: Images = []): string | object[] =>
  images.length === 0
    ? text
    : [...(text === '' ? [] : [{ type: 'text', text }]), ...images.map(image => ({ type: 'image', image }))]
