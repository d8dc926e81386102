/** The weights of this device: how they come, where they are, and how they go. */

import * as z from 'zod'
import { InvalidInputError, LumosError } from '../interface/errors.ts'
import { ModelId } from '../interface/names.ts'
import type { LumosNode } from '../interface/node.ts'
import { isPath } from '../interface/path-ref.ts'
import { Collected, DiskUse, FoundModel, Holder, type WeightsInfo } from '../interface/weights.ts'
import { AbsolutePath, Begun, checkMayNamePaths, toBegun } from './begun.ts'
import { defineUnit } from './define-unit.ts'

/** Far more than a URL with a signature has. */
const REF_CHARS_MAX = 4096
const QUERY_CHARS_MAX = 256
const FOUND_MAX = 100
const FOUND_DEFAULT = 20

const Ref = z.string().min(1).max(REF_CHARS_MAX)
const Named = z.strictObject({ modelId: ModelId })
const Pinned = z.strictObject({ modelId: z.string(), pinned: z.boolean() })

type Node = Pick<LumosNode, 'weights' | 'jobs'>

export const weightUnits = (node: Node) => [...coming(node), ...kept(node), ...going(node)]

const coming = (node: Node) => [
  defineUnit({
    name: 'model.pull',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Begin a job that brings a model: from devices of the mesh where they have it, else from its origin.',
    input: z.strictObject({
      /** `hf:OWNER/NAME[@REVISION][:FILE]`, `ms:…`, `ollama:NAME[:TAG]`, a URL, a CID or the name of a model. */
      ref: Ref,
      /** What it is called here. */
      name: ModelId.optional(),
      /** Every file of the origin, and not only what an engine opens. */
      all: z.boolean().optional()
    }),
    examples: [
      {
        input: { ref: 'hf:Qwen/Qwen3-0.6B-GGUF:q8_0' },
        output: { model_id: null, status: 'running', job_id: '3k9q0zt1' }
      }
    ],
    output: Begun,
    async run(input, { caller }) {
      if (isPath(input.ref)) checkMayNamePaths(caller, `models pull ${input.ref}`)
      return toBegun(node.jobs.begin('model.pull', input), input.name)
    }
  }),
  defineUnit({
    name: 'model.import',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Begin a job that makes a model of a file or folder of this device. Only from its own command line.',
    input: z.strictObject({ path: AbsolutePath, name: ModelId.optional() }),
    examples: [
      {
        input: { path: '/data/tiny-llm', name: 'tiny' },
        output: { model_id: 'tiny', status: 'running', job_id: '3k9q0zt1' }
      }
    ],
    output: Begun,
    async run({ path, name }, { caller }) {
      checkMayNamePaths(caller, `models import ${path}`)
      return toBegun(node.jobs.begin('model.import', { path, name }), name)
    }
  }),
  defineUnit({
    name: 'model.create',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Begin a job that brings a model of this name from a source or path. Its task and format are what its files say.',
    input: z.strictObject({
      name: ModelId,
      /** Taken from programs of other platforms: the files decide. */
      type: z.string().max(64).optional(),
      format: z.string().max(64).optional(),
      source: Ref.optional(),
      path: AbsolutePath.optional()
    }),
    examples: [
      {
        input: { name: 'tiny', type: 'llm', source: 'hf:owner/tiny' },
        output: { model_id: 'tiny', status: 'running', job_id: '3k9q0zt1' }
      }
    ],
    output: Begun,
    async run({ name, source, path }, { caller }) {
      if (source !== undefined && path !== undefined)
        throw new InvalidInputError('A model comes from a source or from a path, and not from both.')
      const ref = source ?? path
      if (ref === undefined)
        throw new LumosError('NOT_SUPPORTED', 'A node keeps no record of a model without files.', {
          hint: 'Give a source, such as hf:OWNER/NAME, or a path of this device.'
        })
      if (isPath(ref)) checkMayNamePaths(caller, `models import ${ref} --name ${name}`)
      const kind = path === undefined ? 'model.pull' : 'model.import'
      return toBegun(node.jobs.begin(kind, path === undefined ? { ref, name } : { path, name }), name)
    }
  }),
  defineUnit({
    name: 'model.search',
    kind: 'query',
    permission: 'read',
    summary: 'Models of Hugging Face, or of the mirror in the settings, by words of their names.',
    input: z.strictObject({
      query: z.string().min(1).max(QUERY_CHARS_MAX),
      limit: z.int().min(1).max(FOUND_MAX).default(FOUND_DEFAULT)
    }),
    examples: [
      {
        input: { query: 'qwen3 gguf', limit: 1 },
        output: { results: [{ ref: 'hf:Qwen/Qwen3-0.6B-GGUF', type: 'text-generation', downloads: 120_000 }] }
      }
    ],
    output: z.strictObject({ results: z.array(FoundModel) }),
    run: async ({ query, limit }, { signal }) => ({
      results: await node.weights.search(query, { limit, signal })
    })
  })
]

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
        output: { items: [{ peer_id: '12D3KooW…', name: 'den', bytes_have: 1048576, bytes_total: 2097152 }] }
      }
    ],
    output: z.strictObject({ items: z.array(Holder) }),
    run: async ({ modelId }, { signal }) => ({ items: await node.weights.where(modelId, { signal }) })
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
      dryRun: z.boolean().default(false)
    }),
    examples: [{ input: { dry_run: true }, output: { files: 2, nodes: 1, bytes: 1048576 } }],
    output: Collected,
    run: ({ dryRun }, { signal }) => node.weights.gc({ dryRun, signal })
  })
]

const toPinned = ({ model, pinned }: WeightsInfo) => ({ modelId: model, pinned })
