/** How weights come to this device: from the mesh, an origin, or its own disk. */

import * as z from 'zod'
import { InvalidInputError, LumosError } from '../interface/errors.ts'
import { ModelId } from '../interface/names.ts'
import type { LumosNode } from '../interface/node.ts'
import { isPath } from '../interface/path-ref.ts'
import { FoundModel, RepositoryName } from '../interface/weights.ts'
import { AbsolutePath, Begun, checkMayNamePaths, toBegun } from './begun.ts'
import { defineUnit } from './define-unit.ts'

/** Far more than a URL with a signature has. */
const REF_CHARS_MAX = 4096
const QUERY_CHARS_MAX = 256
const FOUND_MAX = 100
const FOUND_DEFAULT = 20
/** Runtimes, devices and datasets that one repository has. */
const PARTS_MAX = 64

const Ref = z.string().min(1).max(REF_CHARS_MAX)

const Part = z.string().min(1).max(128)
const Parts = z.strictObject({
  folders: z.array(Part).max(PARTS_MAX),
  datasets: z.array(Part).max(PARTS_MAX)
})

type Node = Pick<LumosNode, 'weights' | 'jobs'>

export const pullUnits = (node: Node) => [
  defineUnit({
    name: 'model.pull',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Begin a job that brings a model: from devices of the mesh where they have it, else from its origin.',
    input: z.strictObject({
      /** `hf:OWNER/NAME[@REVISION][:FILE]`, `ms:…`, `ollama:NAME[:TAG]`, `ipfs:CID@ADDRESS`, a URL, a CID or the name of a model. */
      ref: Ref,
      /** What it is called here. */
      name: RepositoryName.optional(),
      /** Every file of the origin, and not only what an engine opens. */
      all: z.boolean().optional(),
      /** Of a repository with a `model_info.json`, these folders of runtimes (`onnx`, `rknn/rk3588`) and datasets alone. */
      parts: Parts.optional()
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
    input: z.strictObject({ path: AbsolutePath, name: RepositoryName.optional() }),
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
    name: 'model.quantize',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Begin a job that makes a model with weights of 8 bits of one with full weights, and measures what that changes.',
    input: z.strictObject({
      modelId: ModelId,
      /** What the new one is called. */
      name: RepositoryName,
      /** A folder of files, whose folders are labels, or a file of lines: what the loss is measured on. */
      data: AbsolutePath.optional()
    }),
    examples: [
      {
        input: { model_id: 'digits-cnn', name: 'digits-int8' },
        output: { model_id: 'digits-int8', status: 'running', job_id: '3k9q0zt1' }
      }
    ],
    output: Begun,
    async run({ modelId: model, name, data }, { caller }) {
      if (data !== undefined)
        checkMayNamePaths(caller, `models quantize ${model} --out ${name} --data ${data}`)
      return toBegun(node.jobs.begin('model.quantize', { model, name, data }), name)
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
      name: RepositoryName,
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
        output: { results: [{ ref: 'hf:Qwen/Qwen3-0.6B-GGUF', type: null, downloads: 120_000 }] }
      }
    ],
    output: z.strictObject({ results: z.array(FoundModel) }),
    run: async ({ query, limit }, { signal }) => ({
      results: await node.weights.search(query, { limit, signal })
    })
  })
]
