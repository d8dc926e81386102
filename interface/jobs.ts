/** Long work of a node: it has an id, outlives the call that began it and, where its kind can, a restart of the node. */

import * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'

export const JobState = z.enum([
  'queued',
  'running',
  'cancelling',
  'done',
  'failed',
  'cancelled',
  'interrupted'
])
export type JobState = z.infer<typeof JobState>

/** Whether a job of this state changes no more. */
export const hasEnded = (state: JobState): boolean =>
  state !== 'queued' && state !== 'running' && state !== 'cancelling'

export const JobProgress = z.strictObject({
  /** In `unit`, such as `bytes`. */
  done: z.number(),
  /** Null while it is not known. */
  total: z.number().nullable(),
  unit: z.string(),
  /** What is being done, for people. */
  message: z.string(),
  /** Of `unit`, lately. Absent where it is not measured or not known yet. */
  perSecond: z.number().optional(),
  /** Until it is done, at this rate. */
  leftMs: z.number().optional(),
  /** Where what is done came from; the most first. */
  sources: z.array(z.strictObject({ from: z.string(), amount: z.number() })).optional()
})
export type JobProgress = z.infer<typeof JobProgress>

export const JobError = z.strictObject({
  code: z.string(),
  message: z.string(),
  /** What to do about it. Absent where there is nothing to say, and in jobs that an older version stored. */
  hint: z.string().optional()
})
export type JobError = z.infer<typeof JobError>

export const JobInfo = z.strictObject({
  id: z.string(),
  kind: z.string(),
  /** What it works on, for people. */
  summary: z.string(),
  /** `interrupted`: the node ended in the middle of it, and it cannot go on. */
  state: JobState,
  progress: JobProgress.nullable(),
  /** What came of it; its form is its kind's. Null until it is done. */
  result: z.unknown(),
  /** Why it failed or was interrupted. */
  error: JobError.nullable(),
  /** How many starts of the node have taken it up again since it last moved on. */
  restarts: z.int(),
  createdAtMs: z.int(),
  startedAtMs: z.int().nullable(),
  endedAtMs: z.int().nullable()
})
export type JobInfo = z.infer<typeof JobInfo>

/** A job without its result, which may be large. */
export const JobSummary = JobInfo.omit({ result: true })
export type JobSummary = z.infer<typeof JobSummary>

export interface LumosJobs {
  /** Those under way and those that ended not long ago; the oldest first. */
  list(): JobSummary[]
  /** @throws {LumosError} `JOB_UNKNOWN`, also for a job that ended long ago. */
  get(id: string): JobInfo
  /**
   * Begin this work, or join the job that does it already. It is on disk when this returns.
   *
   * @throws {LumosError} `INVALID_INPUT`, `OVERLOADED` when too many jobs are under way, or `STORE_FULL`.
   */
  begin(kind: string, input: unknown): JobInfo
  /** Give it up. One that has ended stays as it is. @throws {LumosError} `JOB_UNKNOWN`. */
  cancel(id: string): JobInfo
  /** The job now, and after each change until it has ended. @throws {LumosError} `JOB_UNKNOWN`. */
  watch(id: string, options?: AbortOptions): AsyncIterable<JobInfo>
}
