/**
 * The search for inputs that reach new code, in a thread of its own, so that the one that hangs or eats all
 * memory can be ended and kept.
 */

import { parentPort, workerData } from 'node:worker_threads'
import { seededRandom } from '../../sim/random.ts'
import { Coverage } from './coverage.ts'
import { answerTo, inputFor } from './fuzz.ts'
import { TARGETS } from './targets.ts'

/** Inputs between two looks at the counters, which cost as much as hundreds of them. */
const BATCH = 256
/** In memory; what is kept on disk is less. */
const FOUND_MAX = 2000
/** What is kept, to be run again by every test. */
const KEPT_MAX = 50
const KEPT_BYTES_MAX = 100_000
const TELL_INTERVAL_MS = 1000
/** One mistake is found in many ways. */
const FINDINGS_MAX = 5

export interface SearchOrders {
  readonly target: string
  readonly seed: number
  readonly runsMax: number
  /** From when everything is loaded. */
  readonly searchMs: number
  /** What earlier searches kept. */
  readonly corpus: readonly Uint8Array[]
  /** Whether to stop; number of the input that is being read, 0 for none; its length. */
  readonly state: Int32Array
  readonly input: Uint8Array
}

export const STATE = { stop: 0, run: 1, length: 2 } as const

export type SearchWords =
  | { readonly type: 'progress'; readonly runs: number; readonly reached: number; readonly corpus: number }
  | { readonly type: 'finding'; readonly message: string; readonly bytes: Uint8Array }
  | {
      readonly type: 'end'
      readonly runs: number
      readonly reached: number
      readonly kept: readonly Uint8Array[]
    }

if (parentPort !== null) await search(workerData as SearchOrders)

async function search(orders: SearchOrders): Promise<void> {
  const { state, input, runsMax } = orders
  const endsAtMs = performance.now() + orders.searchMs
  const target = TARGETS.find(({ name }) => name === orders.target)!
  const random = seededRandom(orders.seed)
  const coverage = new Coverage()
  const found: Uint8Array[] = []
  const told = new Set<string>()
  let [runs, reached] = [0, 0]

  /** @returns whether it was read without a finding. */
  const read = async (bytes: Uint8Array): Promise<boolean> => {
    input.set(bytes.subarray(0, input.length))
    Atomics.store(state, STATE.length, Math.min(bytes.length, input.length))
    Atomics.store(state, STATE.run, ++runs)
    try {
      await answerTo(target, bytes)
      return true
    } catch (err) {
      const { message } = err as Error
      if (!told.has(message)) tell({ type: 'finding', message, bytes })
      told.add(message)
      return false
    } finally {
      Atomics.store(state, STATE.run, 0)
    }
  }
  /** Those of `batch` that reach what was never reached, found by halves. */
  const newsOf = async (batch: readonly Uint8Array[]): Promise<Uint8Array[]> => {
    for (const bytes of batch) await read(bytes)
    const news = coverage.news(batch.length === 1)
    if (news === 0) return []
    if (batch.length === 1) {
      reached += news
      return [...batch]
    }
    const half = batch.length >> 1
    return [...(await newsOf(batch.slice(0, half))), ...(await newsOf(batch.slice(half)))]
  }

  coverage.clear()
  for (const bytes of target.seeds) await newsOf([bytes])
  found.push(...(await newsOf(orders.corpus)))

  let toldAtMs = performance.now()
  while (runs < runsMax && performance.now() < endsAtMs && told.size < FINDINGS_MAX) {
    if (Atomics.load(state, STATE.stop) !== 0) break
    const batch: Uint8Array[] = []
    for (let n = 0; n < BATCH; n++) batch.push(await inputFor(target, [...target.seeds, ...found], random))
    const news = await newsOf(batch)
    if (found.length < FOUND_MAX) found.push(...news)
    if (performance.now() - toldAtMs < TELL_INTERVAL_MS) continue
    toldAtMs = performance.now()
    tell({ type: 'progress', runs, reached, corpus: found.length })
  }

  // The smallest first: what they reach, the larger ones need not be kept for.
  coverage.clear()
  for (const bytes of target.seeds) await newsOf([bytes])
  const kept: Uint8Array[] = []
  let keptBytes = 0
  for (const bytes of found.toSorted((a, b) => a.length - b.length)) {
    if (kept.length >= KEPT_MAX || keptBytes + bytes.length > KEPT_BYTES_MAX) break
    if ((await newsOf([bytes])).length === 0) continue
    kept.push(bytes)
    keptBytes += bytes.length
  }
  tell({ type: 'end', runs, reached, kept })
}

function tell(words: SearchWords): void {
  parentPort!.postMessage(words)
}
