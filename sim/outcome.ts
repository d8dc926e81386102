/** What a run has come to: all that is printed, and all that a report shows. */

import type { Schedule } from './faults/fault.ts'
import type { History } from './history.ts'

/** A figure that a run found. */
export interface Finding {
  readonly metric: string
  readonly value: number
  readonly unit: string
}

export interface Verdict {
  readonly id: string
  readonly promise: string
  /** Sentences that say what broke it; none when it held. */
  readonly broken: readonly string[]
}

export interface Outcome {
  readonly scenario: string
  readonly question: string
  readonly seed: number
  readonly nodes: number
  /** What the links were like in the beginning. */
  readonly link: string
  readonly passed: boolean
  /** Why the answer is no. */
  readonly failures: readonly string[]
  /** What is promised besides, known not to hold yet, and did not. */
  readonly shortfalls: readonly string[]
  readonly promises: readonly Verdict[]
  readonly findings: readonly Finding[]
  readonly durationMs: number
  readonly schedule: Schedule
  /** The command that repeats it. */
  readonly repeat: string
  readonly history: History
}
