import * as z from 'zod'
import type { InferenceChunk } from '../chunks.ts'
import { type Accumulator, defineTask } from './definition.ts'
import { IMAGE_BYTES_MAX } from './images.ts'
import { keepAlive } from './keep-alive.ts'
import { Text } from './messages.ts'

/** A few sentences: what is longer the models of this field cut. */
const PROMPT_CHARS_MAX = 4096
/** Of either side: more than a model of a home makes. */
const SIDE_PIXELS_MAX = 4096
const STEPS_MAX = 1000
/** Pictures of one request. */
const COUNT_MAX = 8
/** Of a seed: what engines of all languages take as a number. */
const SEED_MAX = 2 ** 32 - 1

const side = z.int().min(16).max(SIDE_PIXELS_MAX).optional()
const Prompt = Text.max(PROMPT_CHARS_MAX)

const Output = z.object({
  images: z.array(z.object({ mime: z.string(), image: z.instanceof(Uint8Array) })).max(COUNT_MAX)
})

export const textToImage = defineTask({
  name: 'text-to-image',
  summary: 'Make pictures of what a text describes.',
  input: z.strictObject({ prompt: Prompt.min(1) }),
  /** What is absent is as the model's makers set it. */
  params: z.strictObject({
    /** What the pictures must not show. */
    negativePrompt: Prompt.optional(),
    width: side,
    height: side,
    steps: z.int().min(1).max(STEPS_MAX).optional(),
    /** The same request with the same seed has the same pictures, where the engine can do that. */
    seed: z.int().min(0).max(SEED_MAX).optional(),
    count: z.int().min(1).max(COUNT_MAX).default(1),
    keepAlive
  }),
  output: Output,
  /** Data of one part for each picture: the bytes of its file, in pieces. */
  pieces: {
    max: () => 0,
    dataBytesMax: COUNT_MAX * IMAGE_BYTES_MAX,
    partBytesMax: IMAGE_BYTES_MAX,
    parts: ({ count }) => count,
    accumulate: () => new Pictures()
  },
  argument: { from: 'text', input: prompt => ({ prompt }) },
  sizeOf: ({ prompt }) => prompt.length
})

class Pictures implements Accumulator<z.infer<typeof Output>> {
  readonly #parts = new Map<number, { readonly mime: string; readonly pieces: Uint8Array[] }>()

  add(chunk: InferenceChunk): void {
    if (chunk.type !== 'data' || chunk.part >= COUNT_MAX) return
    const picture = this.#parts.get(chunk.part) ?? { mime: chunk.mime, pieces: [] }
    picture.pieces.push(chunk.bytes)
    this.#parts.set(chunk.part, picture)
  }

  output(): z.infer<typeof Output> {
    const parts = [...this.#parts].sort(([one], [other]) => one - other)
    return { images: parts.map(([, { mime, pieces }]) => ({ mime, image: Buffer.concat(pieces) })) }
  }
}
