/** Chooses the next token by the scores that a model gives to all of them. */

import type { Choice, Likelihood } from '../text/answer-chunks.ts'
import { cannotGoOn } from '../text/unsaid.ts'
import type { Guard } from './guard.ts'

export interface Sampling {
  /** 0: always the likeliest. */
  readonly temperature: number
  readonly topP: number
  /** 0: all. */
  readonly topK: number
  readonly minP: number
  readonly frequencyPenalty: number
  readonly presencePenalty: number
  readonly repetitionPenalty: number
  /** The same seed makes the same choices. */
  readonly seed: number
  /** How many others are told of with each choice, and how likely all were; absent: nothing is. */
  readonly top?: number
}

export class Sampler {
  readonly #sampling: Sampling
  readonly #random: () => number
  /** How often the answer holds each token. */
  readonly #made = new Map<number, number>()
  /** Tokens of the prompt and the answer, where those are penalized. */
  readonly #known: Set<number>

  constructor(sampling: Sampling, prompt: readonly number[]) {
    this.#sampling = sampling
    this.#random = randomOf(sampling.seed)
    this.#known = new Set(sampling.repetitionPenalty === 1 ? [] : prompt)
  }

  /**
   * Changes the scores: of each token that came already.
   *
   * @param guard allows some tokens only. What is allowed is drawn with the same odds as if only that was there.
   */
  choose(scores: Float32Array, guard?: Guard): Choice {
    const { top } = this.#sampling
    const said = top === undefined ? undefined : scores.slice()
    const token = this.#chosen(scores, guard)
    this.#take(token, guard)
    return said === undefined ? { token } : { token, likelihoods: likelihoodsOf(said, token, top!) }
  }

  /**
   * A token of what was said. With the scores, the choices that follow are those that would have followed it.
   *
   * @returns whether it would have been chosen.
   * @throws {InvalidInputError} when the guard does not allow it.
   */
  follow(token: number, scores: Float32Array | undefined, guard?: Guard): boolean {
    const isOwn = scores !== undefined && this.#chosen(scores, guard) === token
    if (guard?.allows(token) === false) throw cannotGoOn('what was said is not as the schema says')
    this.#take(token, guard)
    return isOwn
  }

  #chosen(scores: Float32Array, guard: Guard | undefined): number {
    this.#penalize(scores)
    const token = this.#drawn(scores)
    // Most tokens are allowed, and to look at one is cheaper than at all.
    if (guard === undefined || guard.allows(token)) return token
    guard.mask(scores)
    return this.#drawn(scores)
  }

  #take(token: number, guard: Guard | undefined): void {
    guard?.take(token)
    if (this.#sampling.repetitionPenalty !== 1) this.#known.add(token)
    this.#made.set(token, (this.#made.get(token) ?? 0) + 1)
  }

  #drawn(scores: Float32Array): number {
    return this.#sampling.temperature === 0 ? likeliest(scores) : this.#sample(scores)
  }

  #penalize(scores: Float32Array): void {
    const { frequencyPenalty, presencePenalty, repetitionPenalty } = this.#sampling
    if (repetitionPenalty !== 1) {
      for (const token of this.#known) {
        const score = scores[token]!
        scores[token] = score < 0 ? score * repetitionPenalty : score / repetitionPenalty
      }
    }
    if (frequencyPenalty === 0 && presencePenalty === 0) return
    for (const [token, count] of this.#made) scores[token]! -= count * frequencyPenalty + presencePenalty
  }

  #sample(scores: Float32Array): number {
    const { temperature, topK, topP, minP } = this.#sampling
    const max = scores[likeliest(scores)]!
    const weights = Float64Array.from(scores, score => Math.exp((score - max) / temperature))
    let candidates: readonly number[] | undefined
    if (topK > 0 && topK < weights.length) candidates = heaviest(weights, topK)
    if (minP > 0) candidates = (candidates ?? [...weights.keys()]).filter(token => weights[token]! >= minP)
    if (topP < 1) candidates = nucleus(weights, candidates ?? [...weights.keys()], topP)
    return drawn(weights, candidates ?? [...weights.keys()], this.#random())
  }
}

function likelihoodsOf(scores: Float32Array, token: number, top: number): Likelihood[] {
  const max = scores[likeliest(scores)]!
  const logSum = Math.log(scores.reduce((sum, score) => sum + Math.exp(score - max), 0))
  const others = top === 0 ? [] : heaviest(scores, Math.min(top, scores.length))
  // Rounding must make none likelier than certain.
  return [token, ...others].map(token => [token, Math.min(0, scores[token]! - max - logSum)])
}

/** The first of the tokens with the highest score. */
function likeliest(scores: Float32Array): number {
  let best = 0
  for (let token = 1; token < scores.length; token++) if (scores[token]! > scores[best]!) best = token
  return best
}

/** The `count` heaviest, the heaviest first; of equal ones, the first. */
function heaviest(weights: ArrayLike<number>, count: number): number[] {
  const least = Float64Array.from(weights).sort().at(-count)!
  const above = [...Array(weights.length).keys()].filter(token => weights[token]! >= least)
  return above.sort((a, b) => weights[b]! - weights[a]! || a - b).slice(0, count)
}

/** The fewest of the candidates that hold `share` of their weight together. */
function nucleus(weights: Float64Array, candidates: readonly number[], share: number): number[] {
  const total = candidates.reduce((sum, token) => sum + weights[token]!, 0)
  // All lighter ones together hold less than what may be left out: they need no sorting.
  const least = ((1 - share) * total) / candidates.length
  const sorted = candidates
    .filter(token => weights[token]! >= least)
    .sort((a, b) => weights[b]! - weights[a]! || a - b)
  let held = 0
  const end = sorted.findIndex(token => {
    held += weights[token]!
    return held >= share * total
  })
  return end < 0 ? sorted : sorted.slice(0, end + 1)
}

function drawn(weights: Float64Array, candidates: readonly number[], random: number): number {
  const total = candidates.reduce((sum, token) => sum + weights[token]!, 0)
  let left = random * total
  for (const token of candidates) {
    left -= weights[token]!
    if (left < 0) return token
  }
  return candidates.findLast(token => weights[token]! > 0)!
}

/** Mulberry32: one number of state, the same on every machine. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
