/** The messages of a chat, as OpenAI's clients write them, and as units take them. */

import * as z from 'zod'
import { NAME_CHARS_MAX, TOOL_CALLS_MAX } from '../../interface/chunks.ts'
import { MESSAGES_MAX, PARTS_MAX, Text } from '../../interface/tasks/messages.ts'
import { ImageUrl } from '../asking/pictures.ts'
import { Arguments, joined, listOf, maybe, oneOf } from '../asking/schema.ts'

export const Name = z.string().min(1).max(NAME_CHARS_MAX)

const TextPart = z.object({ type: z.literal('text'), text: Text })
const ImagePart = z.object({
  type: z.literal('image_url'),
  image_url: z.union([ImageUrl, z.object({ url: ImageUrl })])
})
const RefusalPart = z.object({ type: z.literal('refusal'), refusal: Text })

const TextContent = z.union([
  Text,
  listOf(z.discriminatedUnion('type', [TextPart], oneOf(['text'])), PARTS_MAX, 0)
])
const UserContent = z.union([
  Text,
  listOf(z.discriminatedUnion('type', [TextPart, ImagePart], oneOf(['text', 'image_url'])), PARTS_MAX, 0)
])
const AssistantContent = z.union([
  Text,
  listOf(z.discriminatedUnion('type', [TextPart, RefusalPart], oneOf(['text', 'refusal'])), PARTS_MAX, 0)
])

const ToolCall = z.object({
  id: Name,
  type: maybe(z.literal('function', oneOf(['function']))),
  function: z.object({ name: Name, arguments: Arguments })
})

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool', 'function'] as const

const Message = z.discriminatedUnion(
  'role',
  [
    z.object({ role: z.enum(['system', 'developer']), content: TextContent }),
    z.object({ role: z.literal('user'), content: UserContent, name: maybe(Name) }),
    z.object({
      role: z.literal('assistant'),
      content: maybe(AssistantContent),
      refusal: maybe(Text),
      reasoning_content: maybe(Text),
      reasoning: maybe(Text),
      tool_calls: maybe(listOf(ToolCall, TOOL_CALLS_MAX, 0))
    }),
    z.object({ role: z.literal('tool'), content: TextContent, tool_call_id: Name }),
    /** What `tool` was called before. */
    z.object({ role: z.literal('function'), content: maybe(TextContent), name: Name })
  ],
  oneOf(ROLES)
)
type Message = z.output<typeof Message>

/** The messages as `inference.chat` takes them. */
export const ChatMessages = listOf(Message, MESSAGES_MAX).transform(messages => messages.map(toUnit))

function toUnit(message: Message): object {
  switch (message.role) {
    case 'assistant': {
      const { content, refusal, reasoning_content, reasoning = reasoning_content, tool_calls } = message
      return {
        role: 'assistant',
        content: content === undefined ? (refusal ?? null) : partsOf(content),
        ...(reasoning && { reasoning }),
        ...(tool_calls &&
          tool_calls.length > 0 && {
            calls: tool_calls.map(({ id, function: { name, arguments: words } }) => ({
              id,
              name,
              arguments: words
            }))
          })
      }
    }
    case 'tool':
      return { role: 'tool', content: partsOf(message.content), call: message.tool_call_id }
    case 'function':
      return { role: 'tool', content: partsOf(message.content ?? ''), call: message.name, name: message.name }
    case 'user':
      return { role: 'user', content: partsOf(message.content), ...(message.name && { name: message.name }) }
    default:
      return { role: message.role, content: partsOf(message.content) }
  }
}

type Parts = readonly (
  | z.output<typeof TextPart>
  | z.output<typeof ImagePart>
  | z.output<typeof RefusalPart>
)[]

function partsOf(content: string | Parts): string | readonly object[] {
  if (typeof content === 'string') return content
  const parts = content.map(part => {
    if (part.type === 'text') return { type: 'text', text: part.text }
    if (part.type === 'refusal') return { type: 'text', text: part.refusal }
    const { image_url: image } = part
    return {
      type: 'image',
      image: typeof image === 'string' || image instanceof Uint8Array ? image : image.url
    }
  })
  return joined(parts)
}
