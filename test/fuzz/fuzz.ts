/** Gives a decoder many hostile inputs and holds it to its promise: a value, or an error with a code, soon. */

import assert from 'node:assert/strict'
import { LumosError } from '../../interface/errors.ts'
import { seededRandom } from '../../sim/random.ts'
import { hostileBytes } from './inputs.ts'
import type { Target } from './targets.ts'

/** No single input may keep the node from all its other work. */
const READ_MS_MAX = 1000

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

  for (const bytes of target.seeds) await target.read(Uint8Array.from(bytes))
  for (let run = 0; run < runs; run++) {
    const bytes = hostileBytes(target.seeds, random)
    const before = target.state?.()
    const beganMs = performance.now()
    try {
      const read = target.read(bytes)
      // Waiting for what is there already would double the time of most runs.
      if (read instanceof Promise) await read
      accepted++
    } catch (thrown) {
      const { code } = expectRefusal(thrown, `${target.name}, seed ${seed}, run ${run}`, bytes)
      refused[code] = (refused[code] ?? 0) + 1
      assert.equal(target.state?.(), before, `${target.name}, run ${run}: a refused input changed something`)
    }
    slowestMs = Math.max(slowestMs, performance.now() - beganMs)
  }
  assert.ok(slowestMs < READ_MS_MAX, `${target.name}: one input took ${slowestMs} ms`)
  return { accepted, refused, slowestMs }
}

function expectRefusal(thrown: unknown, run: string, bytes: Uint8Array): LumosError {
  if (thrown instanceof LumosError && thrown.code !== 'INTERNAL') return thrown
  throw new Error(`${run}: no refusal but ${thrown}, for ${Buffer.from(bytes).toString('hex')}`, {
    cause: thrown
  })
}
