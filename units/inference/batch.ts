/** Many inputs of one task, over all devices that can. */

import * as z from 'zod'
import { BATCH_INPUTS_MAX, SAMPLES_MAX } from '../../interface/batch.ts'
import { MAX_BUDGET_MS } from '../../interface/inference.ts'
import { JobInfo } from '../../interface/jobs.ts'
import { ModelId } from '../../interface/names.ts'
import type { LumosNode } from '../../interface/node.ts'
import { TASK_NAMES } from '../../interface/tasks/index.ts'
import { AbsolutePath, checkMayNamePaths } from '../begun.ts'
import { defineUnit } from '../define-unit.ts'
import { Params } from './run.ts'

export const batchUnits = (node: Pick<LumosNode, 'batch'>) => [
  defineUnit({
    name: 'inference.batch',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Begin a job that asks for each of many inputs, over all devices that can. Only from its own command line.',
    examples: [{ input: { model: 'digits-cnn', inputs: ['/data/photos'], out: '/data/digits.jsonl' } }],
    input: z
      .strictObject({
        task: z.enum(TASK_NAMES).optional(),
        model: ModelId.optional(),
        params: Params.optional(),
        /** Folders and files. */
        inputs: z.array(AbsolutePath).min(1).max(BATCH_INPUTS_MAX),
        /** A line of JSON for each input. Those that it has already are not asked for again. */
        out: AbsolutePath,
        /** For one answer of one device. */
        budgetMs: z.int().min(1).max(MAX_BUDGET_MS).optional(),
        /** So many inputs are answered by a second device too. */
        verify: z.int().min(0).max(SAMPLES_MAX).optional()
      })
      .refine(({ task, model }) => task !== undefined || model !== undefined, {
        error: 'give a task or a model'
      }),
    output: JobInfo,
    async run(wanted, { caller }) {
      checkMayNamePaths(caller, `batch ${wanted.model ?? wanted.task} … --out ${wanted.out}`)
      return node.batch.begin(wanted)
    }
  })
]
