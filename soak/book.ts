/** What was seen in a soak so far, and what it amounts to. */

import { createHistogram } from 'node:perf_hooks'
import { type Churn, staysAllTheTime } from './fleet.ts'
import type { LoadName, Measured } from './member.ts'
import { judge, type NodeSample, type Verdict } from './verdict.ts'

const HOUR_MS = 3_600_000
/**
 * Peers take for dead whoever does not answer for ten seconds. Being measured takes a
 * fraction of one, but on a machine that many others use it can take as long.
 */
const STILLNESS_MS_MIN = 5000
/** After that, everybody finds out within one interval of pings and one timeout. */
const STILLNESS_FELT_MS = 15_000
/**
 * By then all code is compiled, the allocator has seen its peaks, and tables are full:
 * the DHT's list of close peers, above all, fills with the twentieth device it sees.
 */
const WARMUP_HOURS_MAX = 1 / 3
/** Of a run that is shorter than an hour. */
const WARMUP_SHARE = 1 / 3

/** Everything that is known of a soak, as it is kept. */
export interface SoakRecord extends SoakTerms {
  readonly ended: 'no' | 'complete' | 'early' | 'failed'
  readonly lastedHours: number
  readonly warmHours: number
  readonly calls: Calls
  readonly churn: Churn
  /** What must not happen: a node that stays dies, or one cannot return. */
  readonly failures: readonly string[]
  readonly verdicts: readonly Verdict[]
  readonly samples: readonly NodeSample[]
}

export interface SoakTerms {
  readonly hours: number
  readonly nodes: number
  readonly seed: number
  readonly load: LoadName
}

/** What the nodes that stay have asked. */
export interface Calls {
  readonly made: number
  readonly streams: number
  /** Of those that a node which stays was asked, and not to be explained by its being measured. */
  readonly lost: number
  /** Of those while one of the two stood still to be measured for so long that it was taken for dead. */
  readonly lostToMeasuring: number
  /** Of those that a node which was about to leave was asked. */
  readonly lostToChurn: number
  readonly lostCodes: Readonly<Record<string, number>>
  readonly p50Ms: number
  readonly p99Ms: number
}

export class Book {
  readonly failures: string[] = []
  readonly #terms: SoakTerms
  readonly #beganMs = performance.now()
  readonly #samples: NodeSample[] = []
  readonly #stillness: { readonly node: string; readonly fromMs: number; readonly toMs: number }[] = []
  readonly #callsUs = createHistogram()

  constructor(terms: SoakTerms) {
    this.#terms = terms
  }

  /** `fromMs`: the wall time at which `node` was asked for it. */
  note(node: string, { callsMs, ...sample }: Measured, fromMs: number): void {
    const toMs = Date.now()
    if (toMs - fromMs > STILLNESS_MS_MIN)
      this.#stillness.push({ node, fromMs, toMs: toMs + STILLNESS_FELT_MS })
    for (const ms of callsMs) this.#callsUs.record(Math.max(1, Math.round(ms * 1000)))
    this.#samples.push({ node, hours: this.#lastedHours, ...sample })
  }

  record(ended: SoakRecord['ended'], churn: Churn): SoakRecord {
    const warmHours = Math.min(WARMUP_HOURS_MAX, this.#terms.hours * WARMUP_SHARE)
    return {
      ...this.#terms,
      ended,
      lastedHours: this.#lastedHours,
      warmHours,
      calls: this.#calls(),
      churn,
      failures: this.failures,
      verdicts: judge(this.#samples, warmHours),
      samples: this.#samples
    }
  }

  get #lastedHours(): number {
    return (performance.now() - this.#beganMs) / HOUR_MS
  }

  #calls(): Calls {
    const lost = this.#samples.flatMap(({ node, lost }) => lost.map(one => ({ node, ...one })))
    const amongStaying = lost.filter(({ peer }) => staysAllTheTime(peer))
    const whileStill = amongStaying.filter(({ node, peer, fromMs, toMs }) =>
      this.#stillness.some(
        still => [node, peer].includes(still.node) && fromMs < still.toMs && toMs > still.fromMs
      )
    )
    const lostCodes: Record<string, number> = {}
    for (const { code } of lost) lostCodes[code] = (lostCodes[code] ?? 0) + 1
    const totalOf = (what: 'calls' | 'streams') =>
      this.#samples.reduce((total, sample) => total + sample[what], 0)
    return {
      made: totalOf('calls'),
      streams: totalOf('streams'),
      lost: amongStaying.length - whileStill.length,
      lostToMeasuring: whileStill.length,
      lostToChurn: lost.length - amongStaying.length,
      lostCodes,
      p50Ms: this.#callsUs.percentile(50) / 1000,
      p99Ms: this.#callsUs.percentile(99) / 1000
    }
  }
}
