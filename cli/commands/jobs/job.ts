/** `job list|show|cancel`. */

import type { JobInfo, JobSummary } from '../../../interface/jobs.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { type Output, printable } from '../../output.ts'
import { failureOf, progressText, waitFor } from './wait.ts'

type Job = SnakeCase<JobInfo>
type Waiting = { readonly wait?: boolean }

export async function list({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ items: JobSummary[] }>('job.list')
  output.data(data, () => {
    if (data.items.length === 0) return 'This node has no jobs.'
    const rows = data.items.map(job => [job.id, job.kind, job.state, progressText(job), job.summary])
    return output.table(['JOB', 'KIND', 'STATE', 'PROGRESS', 'WHAT'], rows)
  })
}

export async function show({ args, options, output }: Invocation<Waiting>): Promise<void> {
  const node = findNode(options)
  const [id] = args as [string]
  const job = options.wait
    ? await waitFor(node, id, output)
    : (await node.execute<JobInfo>('job.show', { job_id: id })).data
  output.data(job, () => wordsFor(job, output))
  const failure = options.wait ? failureOf(job) : undefined
  if (failure !== undefined) throw failure
}

export async function cancel({ args, options, output }: Invocation<Waiting>): Promise<void> {
  const node = findNode(options)
  const [id] = args as [string]
  const { data } = await node.execute<JobInfo>('job.cancel', { job_id: id })
  const job = options.wait ? await waitFor(node, id, output) : data
  output.data(job, () => wordsFor(job, output))
}

function wordsFor(job: Job, output: Output): string {
  const { id, kind, summary, state, error, result } = job
  const lines = [
    `${output.paint('bold', id)}  ${kind}: ${printable(summary)}`,
    ['State:', state, progressText(job)].join(' ').trimEnd(),
    ...(error === null ? [] : [`Reason: ${printable(error.message)} (E_${error.code})`]),
    ...(error?.hint === undefined ? [] : [`Hint: ${printable(error.hint)}`]),
    ...(result === null ? [] : [`Result: ${printable(JSON.stringify(result, null, 2))}`])
  ]
  return lines.join('\n')
}
