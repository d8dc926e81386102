/** The messages of a conversation, as Anthropic's clients write them in blocks, and as units take them. */

import * as z from 'zod'
import { NAME_CHARS_MAX } from '../../interface/chunks.ts'
import { MESSAGES_MAX, PARTS_MAX, Text } from '../../interface/tasks/messages.ts'
import { ImageBase64, NOT_FETCHED } from '../asking/pictures.ts'
import { Arguments, joined, listOf, maybe, oneOf } from '../asking/schema.ts'

const Name = z.string().min(1).max(NAME_CHARS_MAX)

/** Refused where it stands, with what to give in its place. */
const elsewhere = (type: string, instead: string) =>
  z.object({ type: z.literal(type) }).superRefine((_, context) => {
    context.addIssue({ code: 'custom', params: { reason: 'invalid_value' }, message: instead })
  })

const TextBlock = z.object({ type: z.literal('text'), text: Text })
const ImageBlock = z.object({
  type: z.literal('image'),
  source: z.discriminatedUnion(
    'type',
    [
      z.object({ type: z.literal('base64'), data: ImageBase64 }),
      elsewhere('url', `${NOT_FETCHED}; give it as a source of type base64`),
      elsewhere('file', 'no files are kept here; give it as a source of type base64')
    ],
    oneOf(['base64'])
  )
})
const DocumentBlock = z.object({
  type: z.literal('document'),
  source: z.discriminatedUnion(
    'type',
    [
      z.object({ type: z.literal('text'), data: Text }),
      elsewhere('base64', 'no PDF is read here; give its text as a source of type text'),
      elsewhere('url', 'no document is fetched from a URL; give its text as a source of type text')
    ],
    oneOf(['text'])
  )
})
const shown = [TextBlock, ImageBlock, DocumentBlock] as const

const ToolResult = z.object({
  type: z.literal('tool_result'),
  tool_use_id: Name,
  content: maybe(
    z.union([
      Text,
      listOf(z.discriminatedUnion('type', [...shown], oneOf(['text', 'image', 'document'])), PARTS_MAX, 0)
    ])
  ),
  is_error: maybe(z.boolean())
})
const ToolUse = z.object({ type: z.literal('tool_use'), id: Name, name: Name, input: Arguments })
const Thinking = z.object({ type: z.literal('thinking'), thinking: Text })
/** Of a model of Anthropic, which alone can read it. */
const Redacted = z.object({ type: z.literal('redacted_thinking') })

const UserBlock = z.discriminatedUnion(
  'type',
  [...shown, ToolResult],
  oneOf(['text', 'image', 'document', 'tool_result'])
)
const AssistantBlock = z.discriminatedUnion(
  'type',
  [TextBlock, ToolUse, Thinking, Redacted],
  oneOf(['text', 'tool_use', 'thinking', 'redacted_thinking'])
)
const Texts = z.union([
  Text,
  listOf(z.discriminatedUnion('type', [TextBlock], oneOf(['text'])), PARTS_MAX, 0)
])

/** What stands before a conversation. Blocks of it have no space between them. */
export const System = maybe(Texts).transform(
  system => system && (typeof system === 'string' ? system : system.map(({ text }) => text).join('\n\n'))
)

const Message = z.discriminatedUnion(
  'role',
  [
    z.object({ role: z.literal('user'), content: z.union([Text, listOf(UserBlock, PARTS_MAX, 0)]) }),
    z.object({
      role: z.literal('assistant'),
      content: z.union([Text, listOf(AssistantBlock, PARTS_MAX, 0)])
    }),
    z.object({ role: z.literal('system'), content: Texts })
  ],
  oneOf(['user', 'assistant', 'system'])
)

/** The messages as `inference.chat` takes them. */
export const Messages = listOf(Message, MESSAGES_MAX).transform(messages => messages.flatMap(toUnit))

function toUnit({ role, content }: z.output<typeof Message>): object[] {
  if (typeof content === 'string') return [{ role, content }]
  if (role === 'user') return fromUser(content)
  if (role === 'assistant') return [fromAssistant(content)]
  return [{ role, content: joined(content) }]
}

/** Results of tools are messages of their own; what stands between them stays in its place. */
function fromUser(blocks: readonly z.output<typeof UserBlock>[]): object[] {
  const messages: object[] = []
  let parts: Part[] = []
  const flush = () => {
    if (parts.length > 0) messages.push({ role: 'user', content: joined(parts) })
    parts = []
  }
  for (const block of blocks) {
    if (block.type !== 'tool_result') {
      parts.push(partOf(block))
      continue
    }
    flush()
    messages.push({ role: 'tool', call: block.tool_use_id, content: resultOf(block) })
  }
  flush()
  return messages.length > 0 ? messages : [{ role: 'user', content: '' }]
}

function fromAssistant(blocks: readonly z.output<typeof AssistantBlock>[]): object {
  const calls = blocks.flatMap(block =>
    block.type === 'tool_use' ? [{ id: block.id, name: block.name, arguments: block.input }] : []
  )
  const texts = blocks.flatMap(block => (block.type === 'text' ? [block.text] : []))
  const reasoning = blocks.flatMap(block => (block.type === 'thinking' ? [block.thinking] : [])).join('')
  return {
    role: 'assistant',
    content: texts.length === 0 && calls.length > 0 ? null : texts.join(''),
    ...(reasoning !== '' && { reasoning }),
    ...(calls.length > 0 && { calls })
  }
}

type Part = { type: 'text'; text: string } | { type: 'image'; image: string | Uint8Array }

function partOf(block: z.output<(typeof shown)[number]>): Part {
  if (block.type === 'text') return { type: 'text', text: block.text }
  const { source } = block
  // A source of another type was refused.
  if (!('data' in source)) return { type: 'text', text: '' }
  return block.type === 'document'
    ? { type: 'text', text: source.data as string }
    : { type: 'image', image: source.data }
}

/** Units have no field for a tool that failed, so its result says it. */
function resultOf({ content = '', is_error }: z.output<typeof ToolResult>): string | readonly object[] {
  const parts: Part[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content.map(partOf)
  return joined(is_error ? [{ type: 'text', text: 'Error: ' }, ...parts] : parts)
}
