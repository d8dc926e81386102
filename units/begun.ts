/** Work on weights that goes on after the call: which model it brings or checks, and the job to follow. */

import { isAbsolute } from 'node:path'
import * as z from 'zod'
import { LumosError } from '../interface/errors.ts'
import { type JobInfo, JobState } from '../interface/jobs.ts'
import type { Caller } from '../interface/units.ts'

const PATH_CHARS_MAX = 4096

export const Begun = z.strictObject({
  /** Null until the work finds out. */
  modelId: z.string().nullable(),
  status: JobState,
  jobId: z.string()
})
export type Begun = z.infer<typeof Begun>

export const toBegun = ({ id, state }: JobInfo, modelId: string | undefined): Begun => ({
  modelId: modelId ?? null,
  status: state,
  jobId: id
})

/** On the device of the node. */
export const AbsolutePath = z
  .string()
  .max(PATH_CHARS_MAX)
  .refine(path => isAbsolute(path), { error: 'expected an absolute path on the device of the node' })

/**
 * A node reads and writes what its user may, so only that user names paths: a program or page that holds the token could
 * take any file of the device along as a model, or write over one.
 *
 * @throws {LumosError} `DENIED`
 */
export function checkMayNamePaths({ origin }: Caller, command: string): void {
  if (origin === 'local') return
  throw new LumosError('DENIED', 'Paths of this device are taken from its own command line only.', {
    hint: `On the device: lumos-node ${command}`
  })
}
