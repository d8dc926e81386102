/**
 * A tool that begins a job, for a client that asks for its progress: the call then lasts as long as the job, and ends it
 * when it is cancelled. Without that wish, the answer is the job as it begins.
 */

import { isErrorCode, LumosError } from '../../interface/errors.ts'
import { hasEnded, type JobInfo } from '../../interface/jobs.ts'
import { isRecord } from '../../interface/record.ts'
import type { UnitDescription } from '../../units/description.ts'
import type { UnitCalls } from './calls.ts'

/** Of the request that ends a job: the one that began it is already over. */
const WITHOUT_END = new AbortController().signal

export interface JobProgress {
  readonly progress: number
  readonly total?: number
  readonly message?: string
}

interface FollowOptions {
  readonly signal: AbortSignal
  /** Aborts where the connection is gone, which is no wish to end the job. */
  readonly gone: AbortSignal | undefined
  readonly onProgress: (progress: JobProgress) => void
}

/** The id of the job that the answer of a unit begins. */
export function jobIn({ kind, output }: UnitDescription, answer: unknown): string | undefined {
  if (kind !== 'command' || !isRecord(answer)) return undefined
  const { properties } = output as { properties?: object }
  const id = isJob(properties) ? answer.id : answer.job_id
  return typeof id === 'string' ? id : undefined
}

const isJob = (fields: unknown): boolean => isRecord(fields) && 'restarts' in fields

/**
 * The answer as it is when the job has ended.
 *
 * @throws {LumosError} as the job failed.
 */
export async function followedJob(
  calls: UnitCalls,
  id: string,
  answer: object,
  { signal, gone, onProgress }: FollowOptions
): Promise<unknown> {
  try {
    for await (const item of calls.watch('job.show', { job_id: id }, signal)) {
      const job = item as Pick<JobInfo, 'state' | 'error' | 'progress'>
      if (job.progress !== null) onProgress(progressOf(job.progress))
      if (!hasEnded(job.state)) continue
      if (job.error !== null) throw failureOf(job.error)
      return isJob(answer) ? job : { ...answer, status: job.state }
    }
  } finally {
    if (signal.aborted && gone?.aborted !== true) await cancel(calls, id)
  }
  return answer
}

function progressOf({ done, total, message }: NonNullable<JobInfo['progress']>): JobProgress {
  return { progress: done, ...(total !== null && { total }), ...(message !== '' && { message }) }
}

function failureOf({ code, message, hint }: NonNullable<JobInfo['error']>): LumosError {
  return new LumosError(isErrorCode(code) ? code : 'INTERNAL', message, { hint })
}

async function cancel(calls: UnitCalls, id: string): Promise<void> {
  await calls.call('job.cancel', { job_id: id }, { signal: WITHOUT_END }).catch(() => {})
}
