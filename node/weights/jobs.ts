/** The long work on weights that needs no other device: imports, exports and checks. Pulls are in `pull/`. */

import { isAbsolute } from 'node:path'
import * as z from 'zod'
import type { Clock } from '../../interface/clock.ts'
import { ModelId } from '../../interface/names.ts'
import { RepositoryName, type Verified, type Weights, type WeightsProgress } from '../../interface/weights.ts'
import type { NodeParts } from '../feature.ts'
import { defineJobKind, type JobContext, type JobKind } from '../jobs/job-kind.ts'
import { Meter } from '../jobs/meter.ts'

const PATH_CHARS_MAX = 4096

export const AbsolutePath = z
  .string()
  .max(PATH_CHARS_MAX)
  .refine(path => isAbsolute(path), { error: 'expected an absolute path' })

type Local = Pick<Weights, 'import' | 'export' | 'verify'>

type Parts = Pick<NodeParts, 'clock' | 'emit'>

export const localJobs = (weights: Local, { clock, emit }: Parts): JobKind[] => [
  importJob(weights, clock),
  exportJob(weights, clock),
  verifyJob(weights, { clock, emit })
]

const importJob = (weights: Local, clock: Clock): JobKind =>
  defineJobKind({
    name: 'model.import',
    input: z.strictObject({ path: AbsolutePath, name: RepositoryName.optional() }),
    // A file that was imported already is found by its hash.
    checkpoint: z.null(),
    // The disk is the bottleneck.
    runningMax: 1,
    summary: ({ path }) => path,
    key: ({ path, name }) => JSON.stringify([path, name]),
    run: ({ path, name }, context) =>
      weights.import(path, { ...(name !== undefined && { name }), ...progressOf(context, clock) })
  })

const exportJob = (weights: Local, clock: Clock): JobKind =>
  defineJobKind({
    name: 'model.export',
    input: z.strictObject({ model: ModelId, path: AbsolutePath }),
    runningMax: 1,
    summary: ({ model, path }) => `${model} to ${path}`,
    key: ({ model, path }) => JSON.stringify([model, path]),
    run: ({ model, path }, context) => weights.export(model, path, progressOf(context, clock))
  })

/** What the job says. */
export interface Verdict extends Omit<Verified, 'problems'> {
  readonly valid: boolean
  readonly issues: Verified['problems']
}

const verifyJob = (weights: Local, { clock, emit }: Parts): JobKind =>
  defineJobKind({
    name: 'model.verify',
    input: z.strictObject({ model: ModelId.optional() }),
    checkpoint: z.null(),
    runningMax: 1,
    summary: ({ model = 'the weights of all models' }) => model,
    key: ({ model = '' }) => model,
    async run({ model }, context): Promise<Verdict> {
      const { problems, ...counts } = await weights.verify(model, progressOf(context, clock))
      const valid = problems.length === 0
      emit('model.verified', { modelId: model ?? null, valid, issues: problems })
      return { valid, ...counts, issues: problems }
    }
  })

export function progressOf({ signal, progress }: JobContext<unknown>, clock: Clock): WeightsProgress {
  const meter = new Meter(clock)
  return {
    signal,
    onProgress: (done, total, message) =>
      progress({ done, total, unit: 'bytes', message, ...meter.measure(done, total) })
  }
}
