/** What the router's core remembers, hears and answers. */

import type { ErrorCode, LumosError } from '../../interface/errors.ts'
import type { Asking } from './asking.ts'
import type { Candidate, Ranked, RankedCandidate } from './rank.ts'
import type { RetryBudget } from './retry-budget.ts'
import type { TrackRecords } from './track-record.ts'

/** One peer asked for one request. Its number is unique within a router. */
export interface Attempt {
  readonly id: number
  readonly peer: RankedCandidate
  readonly startedMs: number
  /** Chunks of the answer that came from others before. */
  readonly from: number
  /** Chunks that came. */
  received: number
  /** The longest wait for one of them after the first, fading. */
  waitMs: number
  firstChunkMs: number | undefined
  heardMs: number
  /** It gave no first chunk in its time, and that was noted. */
  isLate: boolean
  /** How often another one was asked to go on beside it, because its next chunk was late. */
  stalls: number
  /** How it ended; absent while it is under way. */
  end: ErrorCode | 'answered' | undefined
  endedMs: number
}

/** One request. It stays as a decision after its end; see `decisions.ts`. */
export interface Asked {
  readonly requestId: string
  readonly startedMs: number
  readonly budgetMs: number
  /** Peers to ask, in turn. */
  turns: readonly RankedCandidate[]
  /** Attempts made. Where several are under way, the next chunk decides which of them answers. */
  readonly attempts: Attempt[]
  /** Whether another peer may go on with the answer. */
  readonly continues: boolean
  /** Chunks that the caller was given. */
  delivered: number
  /** How the answer was cut after the last of them, and by which attempt. */
  cut: Cut | undefined
  /** Attempts that were to go on with the answer. */
  continuations: number
  /** Of peers that were reached. */
  readonly failures: LumosError[]
  readonly considered: Considered
  readonly asking: Asking
  /** How it ended; absent while it is under way. */
  end: ErrorCode | 'answered' | undefined
  endedMs: number
}

export interface Cut {
  readonly attempt: Attempt
  readonly failure: LumosError
}

/** Peers that could be asked, when the request came. */
export interface Considered {
  /** Best first. */
  readonly ranked: readonly Ranked[]
  /** Left out because of their failures. */
  readonly ejected: readonly RankedCandidate[]
  /** Left out for want of room. */
  readonly tooSmall: readonly Candidate[]
  /** How many there were, of which only the best are kept. */
  readonly count: number
}

export interface RouterState {
  readonly records: TrackRecords
  readonly retries: RetryBudget
  readonly requests: Map<number, Asked>
  /** The last requests by their id, oldest first. */
  readonly decisions: Map<string, Asked>
  lastAttempt: number
}

export type RouterEvent =
  | {
      readonly type: 'ask'
      readonly id: number
      /** The id that programs know the request by. */
      readonly requestId: string
      readonly budgetMs: number
      readonly offers: readonly Candidate[]
      /** Peers that offer it, and have no room for the request in their context. */
      readonly tooSmall?: readonly Candidate[]
      readonly asking: Asking
      /** Absent: a cut answer is not continued. */
      readonly continues?: boolean | undefined
      /** Chunks that the caller has already: the answer goes on after them. */
      readonly delivered?: number
    }
  /** The attempt gave a chunk, which was waited for so long; `last` ends the answer. */
  | {
      readonly type: 'chunk'
      readonly id: number
      readonly attempt: number
      readonly last: boolean
      readonly waitedMs?: number | undefined
      /** Of the whole answer, as its peer counts them; with the last chunk. */
      readonly outputTokens?: number | undefined
    }
  /** The attempt gives no more chunks. */
  | {
      readonly type: 'ended'
      readonly id: number
      readonly attempt: number
      readonly offers?: Continuers | undefined
    }
  /** The attempt failed; `unwanted` when the caller gave it up. */
  | {
      readonly type: 'failed'
      readonly id: number
      readonly attempt: number
      readonly failure: LumosError
      readonly unwanted: boolean
      readonly offers?: Continuers | undefined
    }
  /** The time that the core asked for has passed. The attempt's next chunk has been waited for so long; absent: it is not. */
  | {
      readonly type: 'timer'
      readonly id: number
      readonly attempt: number
      readonly waitedMs?: number | undefined
      readonly offers?: Continuers | undefined
    }
  /** The caller left. */
  | { readonly type: 'cancel'; readonly id: number }

/** Peers that can go on with the answer from where it is; undefined where none can, or nothing has come yet. */
export type Continuers = readonly Candidate[] | undefined

export type RouterEffect =
  | AttemptEffect
  /** Wake the core after this time. A wake that comes too late changes nothing. */
  | { readonly type: 'timer'; readonly id: number; readonly attempt: number; readonly delayMs: number }
  /** Cancel the attempt: another peer answers, or the request has failed. */
  | { readonly type: 'abandon'; readonly id: number; readonly attempt: number }
  /** The chunk is part of the answer. */
  | { readonly type: 'deliver'; readonly id: number }
  /** The answer is whole. */
  | {
      readonly type: 'complete'
      readonly id: number
      readonly peer: RankedCandidate
      readonly durationMs: number
    }
  | { readonly type: 'fail'; readonly id: number; readonly failure: LumosError; readonly durationMs: number }

export interface AttemptEffect {
  readonly type: 'attempt'
  readonly id: number
  readonly attempt: number
  readonly peer: RankedCandidate
  readonly budgetMs: number
  /** Chunks of the answer that have come: it goes on after them. */
  readonly from: number
}
