/** Many inputs of one task, answered by every device that can, as a job of this node. */

import * as z from 'zod'
import type { JobInfo } from './jobs.ts'
import { ModelId } from './names.ts'
import type { TaskName } from './tasks/index.ts'

/** What one command names: folders, files and patterns that a shell has made into files. */
export const BATCH_INPUTS_MAX = 4096
/** Each sample is one more answer; a batch that is answered twice as a whole is no sample. */
export const SAMPLES_MAX = 100_000

export interface BatchWanted {
  /** At least one of `task` and `model`. */
  readonly task?: TaskName | undefined
  readonly model?: string | undefined
  readonly params?: Readonly<Record<string, unknown>> | undefined
  /**
   * Absolute paths. A folder means the files in it, a `.jsonl` file its lines, any other file its lines of text, or for a
   * task that takes a file that file.
   */
  readonly inputs: readonly string[]
  /** Absolute path of the results, a line of JSON each. Those that are there already are not asked for again. */
  readonly out: string
  /** For the answer of one device to one item. */
  readonly budgetMs?: number | undefined
  /** So many items are answered by a second device too, and by a third where these differ. */
  readonly verify?: number | undefined
}

/** What the job says at its end. */
export const BatchResult = z.strictObject({
  task: z.string(),
  model: ModelId,
  out: z.string(),
  items: z.int(),
  /** Of them: those that were there before, and those that have an error. */
  before: z.int(),
  failed: z.int(),
  devices: z.array(
    z.strictObject({
      /** PeerId. */
      peer: z.string(),
      name: z.string(),
      items: z.int(),
      /** Failed answers, whatever became of the item. */
      failures: z.int(),
      /** Samples in which two other devices agreed against it. */
      differed: z.int()
    })
  ),
  /** Samples in which two devices agreed at once; that a third decided; that were left open. */
  samples: z.strictObject({ agreed: z.int(), decided: z.int(), open: z.int() })
})
export type BatchResult = z.infer<typeof BatchResult>

export interface Batch {
  /**
   * Begin a batch, or join the job that does it already.
   *
   * @throws {LumosError} `NO_PROVIDER`, `INVALID_INPUT`, and as `LumosJobs.begin` does.
   */
  begin(wanted: BatchWanted): JobInfo
}
