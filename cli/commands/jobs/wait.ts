/** Waits for a job, and shows a person how far it is. */

import { isErrorCode, LumosError } from '../../../interface/errors.ts'
import type { JobInfo } from '../../../interface/jobs.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { NodeClient } from '../../client.ts'
import type { Output } from '../../output.ts'
import { bytes, duration } from '../../quantities.ts'

export type Job = SnakeCase<JobInfo>
/** Names of sources that a line has room for. */
const SOURCES_MAX = 3

/** The job as it ended. An interrupt ends the waiting, and the job goes on. */
export async function waitFor(
  node: NodeClient,
  id: string,
  output: Output,
  onChange: (job: Job) => void = () => {}
): Promise<Job> {
  let last: Job | undefined
  for await (const item of node.stream('job.show', { job_id: id })) {
    last = item as Job
    onChange(last)
    output.progress(lineOf(last))
  }
  output.progress('')
  if (last !== undefined && last.ended_at_ms !== null) return last
  throw new LumosError('STREAM_INTERRUPTED', 'The node stopped before the job had ended.', {
    hint: `It goes on with the node, where its kind can: lumos-node job show ${id}`
  })
}

/** How far it is, at which rate and from where, and what is left. */
function lineOf(job: Job): string {
  const { state, progress } = job
  if (progress === null) return state
  const { message, unit, per_second: rate, left_ms: leftMs, sources = [] } = progress
  const perSecond = rate === undefined ? '' : unit === 'bytes' ? `${bytes(rate)}/s` : `${rate.toFixed(1)}/s`
  const parts = [
    progressText(job),
    perSecond,
    leftMs === undefined ? '' : `${duration(leftMs / 1000)} left`,
    sources.length === 0 ? '' : `from ${sourcesText(sources)}`,
    message
  ]
  return `${state} ${parts.filter(Boolean).join(', ')}`
}

const sourcesText = (sources: readonly { readonly from: string }[]): string =>
  sources.length > SOURCES_MAX
    ? `${sources.slice(0, SOURCES_MAX).map(nameOf).join(', ')} and ${sources.length - SOURCES_MAX} more`
    : sources.map(nameOf).join(', ')

const nameOf = ({ from }: { readonly from: string }): string => from

export function progressText({ progress }: Pick<Job, 'progress'>): string {
  if (progress === null) return ''
  const { done, total, unit } = progress
  const amount = (count: number) => (unit === 'bytes' ? bytes(count) : `${count} ${unit}`)
  return total === null ? amount(done) : `${amount(done)} of ${amount(total)}`
}

/** What keeps a job that has ended from being a success. */
export function failureOf({ id, state, error }: Job): LumosError | undefined {
  if (state === 'done') return undefined
  if (state === 'cancelled') return new LumosError('CANCELLED', `The job ${id} was given up.`)
  const { code, message, hint } = error ?? {
    ...{ code: 'INTERNAL', message: `The job ${id} ended as ${state}.`, hint: undefined }
  }
  return new LumosError(isErrorCode(code) ? code : 'INTERNAL', message, hint === undefined ? {} : { hint })
}
