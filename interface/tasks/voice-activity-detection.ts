import * as z from 'zod'
import { SEGMENTS_MAX } from '../limits.ts'
import { Audio, Span, secondsOf } from './audio.ts'
import { defineTask } from './definition.ts'
import { keepAlive } from './keep-alive.ts'

/** Longer than any pause or speech that is worth a segment of its own. */
const LENGTH_MS_MAX = 60_000
const lengthMs = z.number().min(0).max(LENGTH_MS_MAX)

export const voiceActivityDetection = defineTask({
  name: 'voice-activity-detection',
  summary: 'Find the speech in a recording.',
  input: z.strictObject({ audio: Audio }),
  params: z.strictObject({
    /** How certain the model must be that there is speech. */
    threshold: z.number().min(0).max(1).default(0.5),
    /** Shorter speech is left out. */
    minSpeechMs: lengthMs.default(250),
    /** A shorter pause belongs to the speech around it. */
    minSilenceMs: lengthMs.default(100),
    keepAlive
  }),
  /** In their order; none covers another. */
  output: z.object({ segments: z.array(Span).max(SEGMENTS_MAX) }),
  argument: { from: 'file', input: audio => ({ audio }) },
  shown: ({ segments }) => (segments.length === 0 ? 'The recording has no speech.' : segments.map(secondsOf)),
  sizeOf: ({ audio }) => audio.byteLength
})
