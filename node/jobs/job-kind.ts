/** A kind of long work. `docs/jobs.md` shows how one is made. */

import type * as z from 'zod'
import type { JobProgress } from '../../interface/jobs.ts'

export interface JobKind<Input extends z.ZodType = z.ZodType, Checkpoint extends z.ZodType = z.ZodType> {
  readonly name: string
  readonly input: Input
  /** Its presence says that the work can go on after a restart of the node, from the last checkpoint or from none. */
  readonly checkpoint?: Checkpoint
  /** Jobs of this kind that run at once; the others wait. */
  readonly runningMax: number
  /** What the work is on, for people. */
  summary(input: z.output<Input>): string
  /** Work with the same key is the same work: it is done once at a time. */
  key(input: z.output<Input>): string
  /** What it returns is the result, as JSON. */
  run(input: z.output<Input>, context: JobContext<z.output<Checkpoint>>): Promise<unknown>
}

export interface JobContext<Checkpoint> {
  readonly id: string
  /** Where an earlier start of the node was. */
  readonly checkpoint: Checkpoint | undefined
  /** Aborts when the job is cancelled or the node stops. */
  readonly signal: AbortSignal
  progress(progress: JobProgress): void
  /** What this holds need not be done again: it is on disk when this returns. @throws {LumosError} `STORE_…` */
  save(checkpoint: Checkpoint): void
}

/** Checks the types of a kind against its schemas where it is written; the jobs keep kinds of all shapes. */
export const defineJobKind = <I extends z.ZodType, C extends z.ZodType>(kind: JobKind<I, C>): JobKind =>
  kind as unknown as JobKind
