import * as z from 'zod'
import { type DataChunk, type DeltaChunk, Logprob } from '../chunks.ts'
import { TOKENS_MAX } from '../limits.ts'
import { type Accumulator, defineTask } from './definition.ts'
import { GenerationParams } from './generation-params.ts'
import { bytesOf, Messages, Text, textOf } from './messages.ts'

/** Speech and pictures beside the text of one answer: ten minutes of compressed speech, or a few pictures. */
const MEDIA_BYTES_MAX = 16 * 1024 * 1024

/** A conversation, or a text to be continued as it is. */
const Input = z
  .strictObject({ messages: Messages.optional(), prompt: Text.optional() })
  .refine(({ messages, prompt }) => (messages === undefined) !== (prompt === undefined), {
    error: 'give either messages or a prompt'
  })

/** The sum of the answer's pieces. */
const Output = z.object({
  text: z.string(),
  reasoning: z.string().optional(),
  /** Arguments are JSON as the model wrote it. */
  toolCalls: z.array(z.object({ id: z.string(), name: z.string(), arguments: z.string() })).optional(),
  logprobs: z.array(Logprob).optional(),
  media: z.array(z.object({ mime: z.string(), bytes: z.instanceof(Uint8Array) })).optional()
})

export const textGeneration = defineTask({
  name: 'text-generation',
  summary: 'Continue a conversation or a text.',
  input: Input,
  params: GenerationParams,
  output: Output,
  pieces: {
    max: ({ maxTokens }) => maxTokens ?? TOKENS_MAX,
    dataBytesMax: MEDIA_BYTES_MAX,
    accumulate: () => new Sum()
  },
  tokensMin: ({ maxTokens }) => maxTokens,
  argument: { from: 'text', input: content => ({ messages: [{ role: 'user', content }] }) },
  sizeOf: ({ messages = [], prompt = '' }) => bytesOf(messages) + prompt.length
})

/** The text that is to be answered: that of the last message, or the prompt. */
export const askedText = ({ messages, prompt = '' }: z.infer<typeof Input>): string =>
  messages === undefined ? prompt : textOf(messages.at(-1)!)

class Sum implements Accumulator<z.infer<typeof Output>> {
  #text = ''
  #reasoning = ''
  readonly #toolCalls = new Map<number, { id: string; name: string; arguments: string }>()
  readonly #logprobs: Logprob[] = []
  readonly #media = new Map<number, { readonly mime: string; readonly pieces: Uint8Array[] }>()

  add(chunk: Parameters<Accumulator['add']>[0]): void {
    if (chunk.type === 'text') this.#text += chunk.text
    else if (chunk.type === 'delta') this.#addDelta(chunk)
    else if (chunk.type === 'data') this.#addData(chunk)
  }

  #addDelta({ text = '', reasoning = '', toolCalls = [], logprobs = [] }: DeltaChunk): void {
    this.#text += text
    this.#reasoning += reasoning
    this.#logprobs.push(...logprobs)
    for (const { index, id = '', name = '', arguments: words = '' } of toolCalls) {
      const call = this.#toolCalls.get(index) ?? { id: '', name: '', arguments: '' }
      this.#toolCalls.set(index, {
        id: id || call.id,
        name: name || call.name,
        arguments: call.arguments + words
      })
    }
  }

  #addData({ part, mime, bytes }: DataChunk): void {
    const media = this.#media.get(part) ?? { mime, pieces: [] }
    media.pieces.push(bytes)
    this.#media.set(part, media)
  }

  output(): z.infer<typeof Output> {
    const media = [...this.#media.values()].map(({ mime, pieces }) => ({
      mime,
      bytes: Buffer.concat(pieces)
    }))
    return {
      text: this.#text,
      ...(this.#reasoning !== '' && { reasoning: this.#reasoning }),
      ...(this.#toolCalls.size > 0 && { toolCalls: [...this.#toolCalls.values()] }),
      ...(this.#logprobs.length > 0 && { logprobs: this.#logprobs }),
      ...(media.length > 0 && { media })
    }
  }
}
