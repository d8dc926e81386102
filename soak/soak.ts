/** Nodes under churn and load for hours: what is slow to go wrong shows as a slope. */

import { setTimeout } from 'node:timers/promises'
import { seededRandom } from '../sim/random.ts'
import { Book, type SoakRecord } from './book.ts'
import { Fleet } from './fleet.ts'
import type { LoadName } from './member.ts'

const HOUR_MS = 3_600_000
const MEASURE_EVERY_MS = 60_000
const CHURN_EVERY_MS = 10_000
/** How many nodes leave and return for each device that joins for the first time. */
const CHURNS_PER_VISITOR = 12

/** A run of seconds has enough points for a slope, and some churn, too. */
const ROUNDS_MIN = 30
const CHURNS_MIN = 10
const VISITORS_MIN = 6

export interface SoakOptions {
  readonly hours: number
  readonly nodes: number
  readonly seed: number
  readonly load: LoadName
  /** What each node runs instead of `member.ts`: a test has one that leaks. */
  readonly module?: URL
  /** Ends the soak early, with what was seen. */
  readonly signal: AbortSignal
  /** Called after every round of measurements, with everything so far. */
  onRound(record: SoakRecord): void
}

export async function soak({
  hours,
  nodes,
  seed,
  load,
  module,
  ...options
}: SoakOptions): Promise<SoakRecord> {
  await using fleet = await Fleet.gather({ nodes, seed, load, random: seededRandom(seed), module })
  const book = new Book({ hours, nodes, seed, load })
  const durationMs = hours * HOUR_MS
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal, AbortSignal.timeout(durationMs)])

  const repeat = async (intervalMs: number, task: (round: number) => Promise<void>): Promise<void> => {
    let nextMs = performance.now()
    for (let round = 1; ; round++) {
      // What takes longer than its interval delays the next, and nothing is caught up on.
      nextMs = Math.max(nextMs + intervalMs, performance.now())
      await setTimeout(Math.max(0, nextMs - performance.now()), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      await task(round).catch(err => {
        if (signal.aborted) return
        book.failures.push(String(err.message))
        // All else is told at the end; without those who are measured there is nothing to tell.
        if (fleet.stayers.some(({ running }) => !running)) failed.abort()
      })
    }
  }
  const measureMs = Math.min(MEASURE_EVERY_MS, durationMs / ROUNDS_MIN)
  await Promise.all([
    repeat(Math.min(CHURN_EVERY_MS, durationMs / CHURNS_MIN), () => fleet.churnOne(signal)),
    repeat(Math.min(CHURN_EVERY_MS * CHURNS_PER_VISITOR, durationMs / VISITORS_MIN), () =>
      fleet.exchangeVisitor()
    ),
    repeat(measureMs, async round => {
      // One after the other, since each stands still while it is measured; and listeners, which
      // take longest, of one node in each round, unless there is no time for that.
      for (const [i, member] of fleet.stayers.entries()) {
        const counting = measureMs < MEASURE_EVERY_MS || round % fleet.stayers.length === i
        const fromMs = Date.now()
        book.note(member.name, await member.ask({ ask: 'measure', counting }), fromMs)
      }
      options.onRound(book.record('no', fleet.churn))
    })
  ])
  const ended = failed.signal.aborted ? 'failed' : options.signal.aborted ? 'early' : 'complete'
  return book.record(ended, fleet.churn)
}
