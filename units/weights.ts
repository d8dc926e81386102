/** The weights of this device: where they are, and how they go. */

import * as z from 'zod'
import { InvalidInputError } from '../interface/errors.ts'
import { hasEnded } from '../interface/jobs.ts'
import { ModelId } from '../interface/names.ts'
import type { LumosNode } from '../interface/node.ts'
import { Collected, DiskUse, Holder, Replicated, type WeightsInfo } from '../interface/weights.ts'
import { AbsolutePath, Begun, checkMayNamePaths, toBegun } from './begun.ts'
import { defineUnit } from './define-unit.ts'

const Named = z.strictObject({ modelId: ModelId })
/** 0: no number is wanted. */
const Copies = Replicated.shape.copies
const Pinned = z.strictObject({ modelId: z.string(), pinned: z.boolean() })

/** Kinds of jobs that write to the store. */
const BRINGING: ReadonlySet<string> = new Set([
  'model.pull',
  'model.import',
  'model.quantize',
  'model.replicate'
])

type Node = Pick<LumosNode, 'weights' | 'jobs'>

export const weightUnits = (node: Node) => [...kept(node), ...going(node)]

const kept = (node: Node) => [
  defineUnit({
    name: 'model.where',
    kind: 'query',
    permission: 'read',
    summary: 'Devices of the mesh that hold the weights of a model, in whole or in part.',
    input: Named,
    examples: [
      {
        input: { model_id: 'tiny' },
        output: {
          items: [{ peer_id: '12D3KooW…', name: 'den', bytes_have: 1048576, bytes_total: 2097152 }],
          copies: 2
        }
      }
    ],
    output: z.strictObject({ items: z.array(Holder), copies: Copies.nullable() }),
    run: async ({ modelId }, { signal }) => ({
      items: await node.weights.where(modelId, { signal }),
      copies: node.weights.copiesOf(modelId)
    })
  }),
  defineUnit({
    name: 'model.replicate',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Have so many devices of the mesh hold the weights of a model. Those with room fetch them; no copy is removed.',
    input: Named.extend({ copies: Copies }),
    examples: [
      {
        input: { model_id: 'tiny', copies: 2 },
        output: {
          model_id: 'tiny',
          cid: 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi',
          copies: 2
        }
      }
    ],
    output: Replicated.omit({ model: true }).extend({ modelId: z.string() }),
    async run({ modelId, copies }, { signal }) {
      const { model, ...rest } = await node.weights.replicate(modelId, copies, { signal })
      return { modelId: model, ...rest }
    }
  }),
  defineUnit({
    name: 'model.verify',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Begin a job that hashes the weights of one model, or of all, anew.',
    input: Named.partial(),
    examples: [
      { input: { model_id: 'tiny' }, output: { model_id: 'tiny', status: 'running', job_id: '3k9q0zt1' } }
    ],
    output: Begun,
    async run({ modelId }) {
      // What is not there is said now, and not by a job.
      if (modelId !== undefined) node.weights.show(modelId)
      return toBegun(node.jobs.begin('model.verify', { model: modelId }), modelId)
    }
  }),
  defineUnit({
    name: 'model.pin',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Keep the weights of a model, whatever else needs the room.',
    input: Named,
    examples: [{ input: { model_id: 'tiny' }, output: { model_id: 'tiny', pinned: true } }],
    output: Pinned,
    run: async ({ modelId }) => toPinned(node.weights.pin(modelId))
  }),
  defineUnit({
    name: 'model.unpin',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Keep the weights of a model like those of any other.',
    input: Named,
    examples: [{ input: { model_id: 'tiny' }, output: { model_id: 'tiny', pinned: false } }],
    output: Pinned,
    run: async ({ modelId }) => toPinned(node.weights.unpin(modelId))
  }),
  defineUnit({
    name: 'model.du',
    kind: 'query',
    permission: 'read',
    summary: 'What the weights of this device take on its disk, and how much of it models share.',
    input: z.strictObject({}),
    output: DiskUse,
    run: () => node.weights.du()
  })
]

const going = (node: Node) => [
  defineUnit({
    name: 'model.export',
    kind: 'command',
    permission: 'manage',
    summary:
      'Begin a job that copies the files of a model into a folder. Only from the command line of the device.',
    input: Named.extend({
      /** A folder that is not there yet, or is empty. */
      path: AbsolutePath
    }),
    examples: [
      {
        input: { model_id: 'tiny', path: '/data/tiny' },
        output: { model_id: 'tiny', status: 'running', job_id: '3k9q0zt1' }
      }
    ],
    output: Begun,
    async run({ modelId, path }, { caller }) {
      checkMayNamePaths(caller, `models export ${modelId} ${path}`)
      node.weights.show(modelId)
      return toBegun(node.jobs.begin('model.export', { model: modelId, path }), modelId)
    }
  }),
  defineUnit({
    name: 'model.delete',
    kind: 'command',
    permission: 'manage',
    summary: 'Take a model off this device, with the files that no other model has.',
    input: Named.extend({
      /** Also one that is pinned or in use. */
      force: z.boolean().default(false)
    }),
    examples: [{ input: { model_id: 'tiny' }, output: { model_id: 'tiny', success: true } }],
    output: z.strictObject({ modelId: z.string(), success: z.boolean() }),
    async run({ modelId, force }) {
      const { model } = await node.weights.remove(modelId, { force })
      return { modelId: model, success: true }
    }
  }),
  defineUnit({
    name: 'model.gc',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Remove what no model refers to: nothing that is pinned, in use or on its way.',
    input: z.strictObject({
      /** Only say what would go. */
      dryRun: z.boolean().default(false),
      /** Also what was left in the last week by pulls and imports that were given up or failed. */
      unfinished: z.boolean().default(false)
    }),
    examples: [{ input: { dry_run: true }, output: { files: 2, nodes: 1, bytes: 1048576 } }],
    output: Collected,
    async run({ dryRun, unfinished }, { signal }) {
      if (unfinished) mustBringNothing(node)
      return await node.weights.gc({ dryRun, unfinished, signal })
    }
  })
]

/** What a job has brought so far is no different from what another one has left. */
function mustBringNothing({ jobs }: Node): void {
  const busy = jobs.list().find(({ kind, state }) => BRINGING.has(kind) && !hasEnded(state))
  if (busy === undefined) return
  throw new InvalidInputError(`The job ${busy.id} brings weights: ${busy.summary}.`, {
    hint: `Wait for it, or give it up: lumos-node job cancel ${busy.id}`
  })
}

const toPinned = ({ model, pinned }: WeightsInfo) => ({ modelId: model, pinned })
