import * as z from 'zod'
import type { InferenceChunk } from '../chunks.ts'
import { SPEECH_BYTES_MAX } from '../limits.ts'
import { type Accumulator, defineTask } from './definition.ts'
import { keepAlive } from './keep-alive.ts'
import { Text } from './messages.ts'

/** A few pages: ten minutes of speech. */
const SPOKEN_CHARS_MAX = 8192

const Output = z.object({
  /** Such as `audio/wav`. */
  mime: z.string(),
  audio: z.instanceof(Uint8Array)
})

export const textToSpeech = defineTask({
  name: 'text-to-speech',
  summary: 'Speak a text.',
  input: z.strictObject({ text: Text.min(1).max(SPOKEN_CHARS_MAX) }),
  params: z.strictObject({
    /** As the model names them; absent: its usual one. */
    voice: z
      .string()
      .max(128)
      .regex(/^[\w][\w .+-]*$/, 'letters, digits, spaces and _.+- only')
      .optional(),
    /** 2 is twice as fast. */
    speed: z.number().min(0.25).max(4).default(1),
    keepAlive
  }),
  output: Output,
  /** Data of one part: the bytes of a file, in pieces. */
  pieces: { max: () => 0, dataBytesMax: SPEECH_BYTES_MAX, accumulate: () => new Speech() },
  argument: { from: 'text', input: text => ({ text }) },
  sizeOf: ({ text }) => text.length
})

class Speech implements Accumulator<z.infer<typeof Output>> {
  readonly #pieces: Uint8Array[] = []
  #mime = 'audio/wav'

  add(chunk: InferenceChunk): void {
    if (chunk.type !== 'data' || chunk.part !== 0) return
    this.#mime = chunk.mime
    this.#pieces.push(chunk.bytes)
  }

  output(): z.infer<typeof Output> {
    return { mime: this.#mime, audio: Buffer.concat(this.#pieces) }
  }
}
