/** From how likely speech is in each stretch of a recording to the segments of speech. Pure. */

export interface Span {
  readonly startMs: number
  readonly endMs: number
}

export interface SpeechOptions {
  /** Of each probability. */
  readonly windowMs: number
  /** Of the recording: no segment ends after it. */
  readonly durationMs: number
  /** Speech begins where it is at least so likely. */
  readonly threshold: number
  readonly minSpeechMs: number
  readonly minSilenceMs: number
  /** Added at either end, for the quiet begin and end of a word. */
  readonly padMs: number
}

/** Speech ends only where it is so much less likely than where it begins: a voice that wavers is not cut in pieces. */
const HYSTERESIS = 0.15
/** No model is more certain of silence. */
const END_MIN = 0.01

/** In their order; none covers another. */
export function speechIn(probabilities: Float32Array, options: SpeechOptions): Span[] {
  const { durationMs, minSpeechMs, padMs } = options
  const long = spokenIn(probabilities, options).filter(({ startMs, endMs }) => endMs - startMs >= minSpeechMs)
  const padded = long.map(({ startMs, endMs }, place) => {
    // Neighbours share a pause that has no room for both.
    const before = place === 0 ? startMs : (startMs - long[place - 1]!.endMs) / 2
    const after = place === long.length - 1 ? durationMs - endMs : (long[place + 1]!.startMs - endMs) / 2
    return {
      startMs: Math.floor(startMs - Math.min(padMs, before)),
      endMs: Math.floor(endMs + Math.min(padMs, after))
    }
  })
  return padded.filter(({ startMs, endMs }) => startMs < endMs)
}

/** Before short ones are left out. */
function spokenIn(
  probabilities: Float32Array,
  { windowMs, durationMs, threshold, minSilenceMs }: SpeechOptions
): Span[] {
  const end = Math.max(threshold - HYSTERESIS, Math.min(threshold, END_MIN))
  const spans: Span[] = []
  let startMs: number | undefined
  let silentMs: number | undefined
  for (const [window, probability] of probabilities.entries()) {
    const atMs = window * windowMs
    if (probability >= threshold) {
      startMs ??= atMs
      silentMs = undefined
    } else if (startMs !== undefined && probability < end) {
      silentMs ??= atMs
      if (atMs + windowMs - silentMs < minSilenceMs) continue
      spans.push({ startMs, endMs: silentMs })
      startMs = undefined
      silentMs = undefined
    }
  }
  if (startMs !== undefined) spans.push({ startMs, endMs: silentMs ?? durationMs })
  return spans
}
