/** Recordings as samples. They come from anywhere, so this is loaded only in an engine's own process. */

import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { turn } from '../turn.ts'
import { checkFormat, notRead } from './format.ts'
import { resampled } from './resample.ts'
import { mixed } from './samples.ts'
import { readWav } from './wav.ts'

/** Half an hour: at 16,000 samples a second 115 MB of memory. A file of a few bytes for each second would claim days. */
const SECONDS_MAX = 1800

/**
 * Decodes one recording: one channel, of `rate` samples a second, from -1 to 1.
 *
 * @throws {InvalidInputError} when it is no recording, a damaged one, or too long a one.
 */
export async function samplesOf(
  encoded: Uint8Array,
  { rate, signal }: AbortOptions & { readonly rate: number }
): Promise<Float32Array> {
  checkFormat(encoded)
  const wav = readWav(encoded)
  const seconds = wav.length / wav.rate
  if (seconds > SECONDS_MAX) {
    throw notRead(`lasts ${Math.ceil(seconds)} seconds; the limit is ${SECONDS_MAX}`)
  }
  return await resampled(mixed(wav), wav.rate, rate, () => turn(signal))
}
