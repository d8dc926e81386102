/** From what a graph says of labels to scores. Its numbers may be anything, not-a-number included. */

import { EngineFailedError } from '../../../interface/errors.ts'

export interface Scored {
  readonly label: string
  readonly score: number
}

/**
 * The `count` likeliest labels, likeliest first, with the softmax of their logits.
 *
 * @throws {EngineFailedError} when there is not one number for each label.
 */
export function topLabels(
  logits: Float32Array | undefined,
  labels: readonly string[],
  count: number
): Scored[] {
  if (logits?.length !== labels.length) {
    throw new EngineFailedError(`The graph answered ${logits?.length} values for ${labels.length} labels.`)
  }
  const scores = softmax(logits)
  return bestOf(scores, count).map(index => ({ label: labels[index]!, score: scores[index]! }))
}

/** @throws {EngineFailedError} when a value is not a number, or infinite. */
export function softmax(logits: Float32Array): Float64Array {
  mustBeNumbers(logits)
  let largest = Number.NEGATIVE_INFINITY
  for (const logit of logits) largest = Math.max(largest, logit)
  let sum = 0
  // Without the largest, `exp` of a large logit is infinite.
  const weights = Float64Array.from(logits, logit => {
    const weight = Math.exp(logit - largest)
    sum += weight
    return weight
  })
  return weights.map(weight => weight / sum)
}

export function mustBeNumbers(values: Float32Array): void {
  for (const value of values) {
    if (!Number.isFinite(value)) throw new EngineFailedError(`The graph answered ${value} for a number.`)
  }
}

/** Places of the `count` largest, the largest first; of equal ones the first. A set of labels may be a million long. */
function bestOf(scores: Float64Array, count: number): number[] {
  const best: number[] = []
  for (let at = 0; at < scores.length; at++) {
    if (best.length === count && scores[at]! <= scores[best[count - 1]!]!) continue
    let place = best.length
    while (place > 0 && scores[best[place - 1]!]! < scores[at]!) place--
    best.splice(place, 0, at)
    if (best.length > count) best.pop()
  }
  return best
}
