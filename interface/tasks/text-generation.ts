import * as z from 'zod'
import { defineTask } from './definition.ts'

/** A prompt above this is refused before any model sees it: 1 MiB is over 200,000 tokens. */
const TEXT_CHARS_MAX = 1024 * 1024

const Message = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string().max(TEXT_CHARS_MAX)
})

export const textGeneration = defineTask({
  name: 'text-generation',
  summary: 'Continue a conversation.',
  input: z.strictObject({ messages: z.array(Message).min(1).max(1024) }),
  params: z.strictObject({ maxTokens: z.int().min(1).max(1_000_000).default(1024) }),
  /** The answer comes as text chunks; this is their sum. */
  output: z.object({ text: z.string() }),
  pieces: {
    max: ({ maxTokens }) => maxTokens,
    accumulate() {
      let text = ''
      return {
        add(chunk) {
          if (chunk.type === 'text') text += chunk.text
        },
        output: () => ({ text })
      }
    }
  },
  argument: { from: 'text', input: content => ({ messages: [{ role: 'user', content }] }) },
  sizeOf: ({ messages }) => messages.reduce((sum, { content }) => sum + content.length, 0)
})
