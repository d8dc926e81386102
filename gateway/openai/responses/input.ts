/** What a response is asked with: items of earlier turns and of this one, as `inference.chat` takes them. */

import * as z from 'zod'
import { NAME_CHARS_MAX } from '../../../interface/chunks.ts'
import { MESSAGES_MAX, PARTS_MAX, Text } from '../../../interface/tasks/messages.ts'
import { ImageUrl } from '../../asking/pictures.ts'
import { joined, listOf, oneOf } from '../../asking/schema.ts'

const Name = z.string().min(1).max(NAME_CHARS_MAX)
const PARTS = ['input_text', 'output_text', 'text', 'refusal', 'input_image'] as const

const Part = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.enum(['input_text', 'output_text', 'text']), text: Text }),
    z.object({ type: z.literal('refusal'), refusal: Text }),
    z.object({ type: z.literal('input_image'), image_url: ImageUrl })
  ],
  oneOf(PARTS)
)
const Content = z.union([Text, listOf(Part, PARTS_MAX, 0)])
const ROLES = ['system', 'developer', 'user', 'assistant'] as const

const Item = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('message'), role: z.enum(ROLES, oneOf(ROLES)), content: Content }),
    z.object({ type: z.literal('function_call'), call_id: Name, name: Name, arguments: Text }),
    z.object({ type: z.literal('function_call_output'), call_id: Name, output: Content }),
    /** What a model thought before is not shown to it again. */
    z.object({ type: z.literal('reasoning') })
  ],
  oneOf(['message', 'function_call', 'function_call_output', 'reasoning'])
)
type Item = z.output<typeof Item>

/** A message may leave its type out. */
const Untyped = z.unknown().transform(item => {
  const isMessage = item instanceof Object && !('type' in item) && 'role' in item
  return isMessage ? { ...item, type: 'message' } : item
})

export const ResponseInput = z
  .union([Text, listOf(Untyped.pipe(Item), MESSAGES_MAX)])
  .transform(input => (typeof input === 'string' ? [{ role: 'user', content: input }] : messagesOf(input)))

export type UnitMessage = {
  readonly role: string
  readonly content?: unknown
  readonly calls?: readonly object[]
}

/** Calls of one turn are one message. */
function messagesOf(items: readonly Item[]): UnitMessage[] {
  const messages: UnitMessage[] = []
  for (const item of items) {
    if (item.type === 'message') messages.push({ role: item.role, content: partsOf(item.content) })
    else if (item.type === 'function_call_output')
      messages.push({ role: 'tool', content: partsOf(item.output), call: item.call_id } as UnitMessage)
    else if (item.type === 'function_call') {
      const call = { id: item.call_id, name: item.name, arguments: item.arguments }
      const last = messages.at(-1)
      if (last?.role === 'assistant')
        messages[messages.length - 1] = { ...last, calls: [...(last.calls ?? []), call] }
      else messages.push({ role: 'assistant', content: null, calls: [call] })
    }
  }
  return messages
}

function partsOf(content: z.output<typeof Content>): unknown {
  if (typeof content === 'string') return content
  const parts = content.map(part => {
    if (part.type === 'refusal') return { type: 'text', text: part.refusal }
    return part.type === 'input_image'
      ? { type: 'image', image: part.image_url }
      : { type: 'text', text: part.text }
  })
  return joined(parts)
}
