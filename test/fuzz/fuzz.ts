/** Gives a decoder many hostile inputs and holds it to its promise: a value, or an error with a code, soon. */

import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Random } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { seededRandom } from '../../sim/random.ts'
import { hostileBytes } from './inputs.ts'
import type { Target } from './target.ts'

/** No single input may keep the node from all its other work; of the processor's time, whatever else it does. */
const READ_CPU_MS_MAX = 1000

export interface FuzzReport {
  readonly accepted: number
  /** How often each code was the answer. */
  readonly refused: Record<string, number>
  readonly slowestMs: number
}

/** @throws when the promise is broken, with the input and what made it. */
export async function fuzz(target: Target, runs: number, seed: number): Promise<FuzzReport> {
  const random = seededRandom(seed)
  const refused: Record<string, number> = {}
  let [accepted, slowestMs] = [0, 0]

  for (const bytes of target.seeds) {
    assert.equal(await answerTo(target, bytes), undefined, `${target.name}: a seed is accepted`)
  }
  for (let run = 0; run < runs; run++) {
    const made = inputFor(target, target.seeds, random)
    const bytes = made instanceof Promise ? await made : made
    const beganMs = performance.now()
    try {
      const answer = answerTo(target, bytes)
      // Waiting for what is there already would double the time of most runs.
      const code = answer instanceof Promise ? await answer : answer
      if (code === undefined) accepted++
      else refused[code] = (refused[code] ?? 0) + 1
    } catch (err) {
      const hex = Buffer.from(bytes).toString('hex')
      throw new Error(`${target.name}, seed ${seed}, run ${run}: ${(err as Error).message}, for ${hex}`, {
        cause: err
      })
    }
    slowestMs = Math.max(slowestMs, performance.now() - beganMs)
  }
  return { accepted, refused, slowestMs }
}

/** By chance: bytes like any of `seeds`, or what the target knows of its form. */
export function inputFor(
  target: Target,
  seeds: readonly Uint8Array[],
  random: Random
): Uint8Array | Promise<Uint8Array> {
  if (target.mutate !== undefined && random() < 0.3) {
    return target.mutate(seeds[Math.floor(random() * seeds.length)] ?? new Uint8Array(), random)
  }
  return hostileBytes(seeds, random, target.words)
}

/**
 * The code of the refusal, or nothing when the input was accepted.
 *
 * @throws when it was neither, took too long, changed something although it was refused, or reads differently
 *   once it was written again.
 */
export function answerTo(
  target: Target,
  bytes: Uint8Array
): string | undefined | Promise<string | undefined> {
  const before = target.state?.()
  const began = process.threadCpuUsage()
  const accepted = (value: unknown): undefined => {
    checkTime(began)
    if (target.encode === undefined) return
    const again = target.read(target.encode(value))
    assert.ok(isDeepStrictEqual(again, value), 'what was read is not what was written')
  }
  const refused = (thrown: unknown): string => {
    checkTime(began)
    if (!(thrown instanceof LumosError) || thrown.code === 'INTERNAL') {
      throw new Error(`no refusal but ${thrown}`, { cause: thrown })
    }
    assert.equal(target.state?.(), before, 'a refused input changed something')
    return thrown.code
  }
  let value: unknown
  try {
    // A copy: what is read may be kept and written to.
    value = target.read(Uint8Array.from(bytes))
  } catch (thrown) {
    return refused(thrown)
  }
  return value instanceof Promise ? value.then(accepted, refused) : accepted(value)
}

function checkTime(began: NodeJS.CpuUsage): void {
  const { user, system } = process.threadCpuUsage(began)
  const tookMs = (user + system) / 1000
  assert.ok(tookMs < READ_CPU_MS_MAX, `one input took ${Math.round(tookMs)} ms of the processor's time`)
}
