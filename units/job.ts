/** Long work of this node: what there is, how far it is, and how it is begun. */

import * as z from 'zod'
import { JobInfo } from '../interface/jobs.ts'
import { ModelId } from '../interface/names.ts'
import type { LumosNode } from '../interface/node.ts'
import { defineUnit } from './define-unit.ts'

const Wanted = z.strictObject({ jobId: z.string().min(1).max(64) })

export const jobUnits = (node: Pick<LumosNode, 'jobs'>) => [
  defineUnit({
    name: 'job.list',
    kind: 'query',
    summary: 'The jobs of this node: those under way, and those that ended not long ago.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(JobInfo) }),
    run: async () => ({ items: node.jobs.list() })
  }),
  defineUnit({
    name: 'job.show',
    kind: 'query',
    summary: 'One job. As a stream: the job after each change, until it has ended.',
    input: Wanted,
    output: JobInfo,
    run: async ({ jobId }) => node.jobs.get(jobId),
    stream: ({ jobId }, { signal }) => node.jobs.watch(jobId, { signal })
  }),
  defineUnit({
    name: 'job.cancel',
    kind: 'command',
    summary: 'Give a job up. One that has ended stays as it is.',
    input: Wanted,
    output: JobInfo,
    run: async ({ jobId }) => node.jobs.cancel(jobId)
  }),
  defineUnit({
    name: 'model.check',
    kind: 'command',
    summary: 'Begin a job that reads the models of this device, compares their hashes, and opens them.',
    input: z.strictObject({ modelId: ModelId.optional() }),
    output: JobInfo,
    run: async ({ modelId: model }) => node.jobs.begin('model.check', { model })
  })
]
