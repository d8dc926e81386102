/**
 * From one number of samples a second to another, through a low-pass filter: a sinc in a window of Kaiser.
 *
 * Up to five sixths of the band that both rates hold passes within 0.1 dB, and what the lower rate does not hold is damped
 * by 80 dB, so nothing comes back as another tone.
 */

/** Zeros of the sinc on either side, at the lower of both rates. */
const CROSSINGS = 32
/** Of the lower rate's band, where half the strength passes: the slope ends at the end of the band. */
const CUTOFF = 0.916
/** Damps by 80 dB beyond the slope. */
const KAISER_BETA = 8
/** Places between two samples that have a filter of their own. Usual rates need no more; others take the nearest place. */
const PHASES_MAX = 1024
/** Samples between two looks at other work of the process: some milliseconds. */
const PIECE_SAMPLES = 65_536

/** @param pause called between pieces of the work; it may throw. */
export async function resampled(
  samples: Float32Array,
  from: number,
  to: number,
  pause: () => Promise<void>
): Promise<Float32Array> {
  if (from === to) return samples
  const filter = filterOf(from, to)
  const result = new Float32Array(Math.max(1, Math.round((samples.length * to) / from)))
  for (let at = 0; at < result.length; at += PIECE_SAMPLES) {
    const end = Math.min(result.length, at + PIECE_SAMPLES)
    for (let place = at; place < end; place++) result[place] = sampleAt(samples, (place * from) / to, filter)
    await pause()
  }
  return result
}

interface Filter {
  /** Samples on either side that count. */
  readonly reach: number
  /** By the place between two samples. */
  readonly phases: readonly Float32Array[]
}

function sampleAt(samples: Float32Array, position: number, { reach, phases }: Filter): number {
  // The nearest place that has a filter, which may be the next whole sample.
  const nearest = Math.round(position * phases.length)
  const whole = Math.floor(nearest / phases.length)
  const weights = phases[nearest - whole * phases.length]!
  const first = whole - reach + 1
  const begin = Math.max(0, -first)
  const end = Math.min(weights.length, samples.length - first)
  let sum = 0
  for (let tap = begin; tap < end; tap++) sum += weights[tap]! * samples[first + tap]!
  return sum
}

function filterOf(from: number, to: number): Filter {
  const lower = Math.min(1, to / from)
  const band = lower * CUTOFF
  const reach = Math.ceil(CROSSINGS / lower)
  const count = Math.min(PHASES_MAX, to / greatestDivisor(from, to))
  const phases = Array.from({ length: count }, (_, phase) => {
    const weights = new Float32Array(2 * reach)
    let sum = 0
    for (let tap = 0; tap < weights.length; tap++) {
      const distance = tap - reach + 1 - phase / count
      weights[tap] = sinc(distance * band) * kaiser(distance / reach)
      sum += weights[tap]!
    }
    // So that a steady value stays what it is.
    return weights.map(weight => weight / sum)
  })
  return { reach, phases }
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))

const kaiser = (x: number): number =>
  x <= -1 || x >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel(KAISER_BETA)

/** The modified Bessel function of order 0, as its series. */
function bessel(x: number): number {
  let sum = 1
  let term = 1
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}
