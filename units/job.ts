/** Long work of this node: what there is, how far it is, and how it is begun. */

import * as z from 'zod'
import { JobInfo, JobSummary } from '../interface/jobs.ts'
import { ModelId } from '../interface/names.ts'
import type { LumosNode } from '../interface/node.ts'
import { defineUnit } from './define-unit.ts'

const Wanted = z.strictObject({ jobId: z.string().min(1).max(64) })

export const jobUnits = (node: Pick<LumosNode, 'jobs'>) => [
  defineUnit({
    name: 'job.list',
    kind: 'query',
    permission: 'read',
    summary: 'The jobs of this node, without results: those under way, and those that ended not long ago.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(JobSummary) }),
    run: async () => ({ items: node.jobs.list() })
  }),
  defineUnit({
    name: 'job.show',
    kind: 'query',
    permission: 'read',
    summary: 'One job. As a stream: the job after each change, until it has ended.',
    examples: [{ input: { job_id: '3k9q0zt1' } }],
    input: Wanted,
    output: JobInfo,
    item: JobInfo,
    run: async ({ jobId }) => node.jobs.get(jobId),
    stream: ({ jobId }, { signal }) => node.jobs.watch(jobId, { signal })
  }),
  defineUnit({
    name: 'job.cancel',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Give a job up. One that has ended stays as it is.',
    examples: [{ input: { job_id: '3k9q0zt1' } }],
    input: Wanted,
    output: JobInfo,
    run: async ({ jobId }) => node.jobs.cancel(jobId)
  }),
  defineUnit({
    name: 'model.check',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Begin a job that reads the models of this device, compares their hashes, and opens them.',
    examples: [{ input: { model_id: 'digits-cnn' } }],
    input: z.strictObject({ modelId: ModelId.optional() }),
    output: JobInfo,
    run: async ({ modelId: model }) => node.jobs.begin('model.check', { model })
  })
]
