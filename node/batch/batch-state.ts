/** What the core of a batch remembers, hears and answers. */

/** A device that may answer. Whatever it says of its speed plays no part. */
export interface Device {
  readonly peer: string
  /** Requests that it holds at once; a fraction grows towards the next one. */
  depth: number
  /** Smoothed time of its answers, and the least that this was lately. */
  latencyMs: number | undefined
  baseMs: number | undefined
  running: number
  /** Answers of its own that are in the results, and failures that count. */
  done: number
  failed: number
  failuresInARow: number
  benches: number
  /** It gets nothing before then. */
  restsUntilMs: number
  /** Whether it offers the model now. */
  here: boolean
  /** Samples in which two others agreed against it. One is enough for it to get nothing more. */
  differed: number
}

export interface Failure {
  readonly code: string
  readonly message: string
}

/** What is written for one item. */
export type Result =
  | { readonly peer: string; readonly output: unknown }
  | { readonly peer: string | null; readonly failure: Failure }

export interface Item {
  readonly index: number
  readonly bytes: number
  /** Whether a second device answers it too. */
  readonly sample: boolean
  /** Attempts under way. */
  readonly running: Set<number>
  /** Several only of a sample. */
  readonly answers: { readonly peer: string; readonly output: unknown; readonly bytes: number }[]
  /** By devices that tried it. */
  readonly failures: { readonly peer: string; readonly failure: Failure }[]
  /** How often a device was lost with it. */
  lost: number
  result: Result | undefined
  resultBytes: number
}

export interface Attempt {
  readonly id: number
  readonly item: Item
  readonly device: Device
  readonly startedMs: number
}

export interface BatchState {
  readonly total: number
  /** Of the last event. */
  nowMs: number
  /** Whether two answers say the same. */
  agrees(one: unknown, other: unknown): boolean
  readonly devices: Map<string, Device>
  /** Those that were read and are not written, by index. */
  readonly items: Map<number, Item>
  readonly attempts: Map<number, Attempt>
  /** Read and never asked, in order. */
  readonly fresh: Set<Item>
  /** To be asked once more, in no order. */
  readonly again: Set<Item>
  lastAttempt: number
  /** Indices of the next item to be read and of the next one to be written. */
  next: number
  head: number
  reading: boolean
  bytes: number
  samplesLeft: number
  /** Items that failed and were given to another device; see `RETRIES_MIN`. */
  retries: number
  answered: number
  /** No device has been here since. */
  strandedSinceMs: number | undefined
  readonly samples: { agreed: number; decided: number; open: number }
  over: boolean
}

/** Why an attempt gave no answer: it was the item's or the engine's, the device was busy, or it was lost. */
export type Blame = 'item' | 'busy' | 'lost'

export type BatchEvent =
  /** Devices that offer the model now. Comes several times a second, and so is the clock of the core. */
  | { readonly type: 'offers'; readonly peers: readonly string[] }
  /** The item that was asked for with `read`. An item with a failure is given to no device. */
  | { readonly type: 'read'; readonly bytes: number; readonly failure?: Failure | undefined }
  | { readonly type: 'answered'; readonly attempt: number; readonly output: unknown; readonly bytes: number }
  | {
      readonly type: 'failed'
      readonly attempt: number
      readonly blame: Blame
      readonly failure: Failure
      readonly retryAfterMs?: number | undefined
    }
  /** Results of so many bytes are written. */
  | { readonly type: 'written'; readonly bytes: number }

export type BatchEffect =
  | { readonly type: 'read'; readonly index: number }
  | { readonly type: 'ask'; readonly attempt: number; readonly index: number; readonly peer: string }
  /** Its answer is not needed any more. */
  | { readonly type: 'abort'; readonly attempt: number }
  /** No device is asked for this item any more: its input may be forgotten. */
  | { readonly type: 'decided'; readonly index: number }
  /** The next line of the results. */
  | { readonly type: 'write'; readonly index: number; readonly result: Result; readonly bytes: number }
  /** Two others agreed against this device. */
  | { readonly type: 'distrust'; readonly peer: string }
  /** For a long time there was no device. What is done stays. */
  | { readonly type: 'strand' }
  | { readonly type: 'end' }

export interface NewBatch {
  /** Of all items; those before `from` are written. */
  readonly total: number
  readonly from?: number
  readonly samples?: number
  agrees(one: unknown, other: unknown): boolean
}

export const newBatch = ({ total, from = 0, samples = 0, agrees }: NewBatch): BatchState => ({
  ...{ total, agrees, nowMs: 0 },
  ...{ devices: new Map(), items: new Map(), attempts: new Map(), fresh: new Set(), again: new Set() },
  ...{ lastAttempt: 0, next: from, head: from, reading: false, bytes: 0 },
  ...{ samplesLeft: samples, retries: 0, answered: 0, strandedSinceMs: undefined },
  samples: { agreed: 0, decided: 0, open: 0 },
  over: false
})
