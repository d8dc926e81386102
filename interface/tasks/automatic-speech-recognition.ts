import * as z from 'zod'
import { SEGMENTS_MAX, TEXT_CHARS_MAX } from '../limits.ts'
import { Audio, Language, Span, secondsOf, timeMs } from './audio.ts'
import { defineTask } from './definition.ts'
import { keepAlive } from './keep-alive.ts'

export const automaticSpeechRecognition = defineTask({
  name: 'automatic-speech-recognition',
  summary: 'Write down what is said in a recording.',
  input: z.strictObject({ audio: Audio }),
  params: z.strictObject({
    /** What is spoken; absent: the model finds out, or knows one only. */
    language: Language.optional(),
    /** `translate`: into English. */
    task: z.enum(['transcribe', 'translate']).default('transcribe'),
    /** Absent: no segments are asked for. */
    timestamps: z.enum(['segment', 'word']).optional(),
    keepAlive
  }),
  output: z.object({
    text: z.string().max(TEXT_CHARS_MAX),
    /** Where the engine knows it. */
    language: Language.optional(),
    /** Of the recording. */
    durationMs: timeMs.optional(),
    /** In their order; where the engine has them. */
    segments: z
      .array(Span.extend({ text: z.string().max(TEXT_CHARS_MAX) }))
      .max(SEGMENTS_MAX)
      .optional()
  }),
  argument: { from: 'file', input: audio => ({ audio }) },
  shown: ({ text, segments }) =>
    segments === undefined ? text : segments.map(({ text, ...span }) => ({ ...secondsOf(span), text })),
  sizeOf: ({ audio }) => audio.byteLength
})
