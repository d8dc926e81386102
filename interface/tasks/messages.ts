/** A conversation as a model is given it. Fields are of one word, so they are the same in JSON and in code. */

import * as z from 'zod'
import { NAME_CHARS_MAX, TOOL_CALLS_MAX } from '../chunks.ts'
import { TEXT_CHARS_MAX } from '../limits.ts'
import { bytesMax } from './bytes.ts'
import { IMAGE_BYTES_MAX } from './images.ts'

/** Messages of one conversation. */
export const MESSAGES_MAX = 4096
/** Parts of one message: a page of text and the pictures in it. */
export const PARTS_MAX = 256

/** Half a character has no UTF-8, so a peer could not be asked the same as this node. */
export const Text = z
  .string()
  .max(TEXT_CHARS_MAX)
  .refine(text => text.isWellFormed(), {
    error: 'holds half a character (a lone surrogate); cut it between characters'
  })

const Name = z.string().min(1).max(NAME_CHARS_MAX)

const Part = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: Text }),
  z.object({ type: z.literal('image'), image: bytesMax(IMAGE_BYTES_MAX) })
])

/** Several parts, for models that see; text alone is a string. */
const Content = z.union([Text, z.array(Part).max(PARTS_MAX)])

const ToolCall = z.object({
  id: Name,
  name: Name,
  /** JSON as the model wrote it. */
  arguments: Text
})

const Message = z.discriminatedUnion('role', [
  /** `developer` is what some programs call `system`. */
  z.object({ role: z.enum(['system', 'developer']), content: Content }),
  z.object({ role: z.literal('user'), content: Content, name: Name.optional() }),
  z.object({
    role: z.literal('assistant'),
    content: Content.nullish(),
    reasoning: Text.optional(),
    /** The tools that it called. */
    calls: z.array(ToolCall).max(TOOL_CALLS_MAX).optional()
  }),
  /** What came of the call with this id. */
  z.object({ role: z.literal('tool'), content: Content, call: Name, name: Name.optional() })
])
export type Message = z.infer<typeof Message>

export const Messages = z.array(Message).min(1).max(MESSAGES_MAX)

/** The text of a message, its parts joined. */
export function textOf({ content }: Message): string {
  if (typeof content === 'string') return content
  return (content ?? []).map(part => (part.type === 'text' ? part.text : '')).join('')
}

/** Bytes of a conversation: a character counts as one. */
export function bytesOf(messages: readonly Message[]): number {
  let bytes = 0
  for (const message of messages) {
    for (const part of typeof message.content === 'string' ? [] : (message.content ?? [])) {
      if (part.type === 'image') bytes += part.image.byteLength
    }
    bytes += textOf(message).length
    if (message.role !== 'assistant') continue
    bytes += message.reasoning?.length ?? 0
    for (const call of message.calls ?? []) bytes += call.name.length + call.arguments.length
  }
  return bytes
}
