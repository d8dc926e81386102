/** Jobs as they lie on disk: JSON of a bounded size, checked when it is read. */

import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { JobInfo } from '../../interface/jobs.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { JobStore } from '../../storage/jobs/job-store.ts'
import type { Job } from './job-core.ts'

/** Each of up to 64 jobs is held in memory with its input and checkpoint, and is written whole. */
const JOB_BYTES_MAX = 1024 * 1024

const StoredJob: z.ZodType<Job> = JobInfo.extend({
  key: z.string(),
  input: z.unknown(),
  checkpoint: z.unknown().optional()
})

/** The jobs of the last start, in the order in which they were begun. One that is not readable is forgotten. */
export function readJobs(store: JobStore, log: Logger): Job[] {
  const jobs = store.all().flatMap(({ id, job: text }) => {
    const read = StoredJob.safeParse(fromJson(text))
    if (read.success) return [read.data]
    log.warn({ job: id, reason: read.error.message }, 'a stored job is not readable, and is forgotten')
    store.forget(id)
    return []
  })
  return jobs.sort((a, b) => a.createdAtMs - b.createdAtMs)
}

/** @throws {LumosError} `INPUT_TOO_LARGE` */
export function toStored(job: Job): string {
  const text = JSON.stringify(job)
  if (text.length <= JOB_BYTES_MAX) return text
  throw new LumosError(
    'INPUT_TOO_LARGE',
    `A job of ${text.length} bytes is too large; the limit is ${JOB_BYTES_MAX}.`
  )
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
