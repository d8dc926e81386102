/** The engines of this device that open models on its disk. */

import * as z from 'zod'
import { ENGINE_NAME, EngineFeatures, EngineInfo } from '../interface/engines.ts'
import { JobInfo } from '../interface/jobs.ts'
import type { LumosNode } from '../interface/node.ts'
import { checkMayNamePaths } from './begun.ts'
import { defineUnit } from './define-unit.ts'

const Named = z.strictObject({ name: ENGINE_NAME })

export const engineUnits = (node: Pick<LumosNode, 'engine' | 'jobs'>) => [
  defineUnit({
    name: 'engine.list',
    kind: 'query',
    permission: 'read',
    summary: 'The engines of this device, and what each opens.',
    input: z.strictObject({
      type: EngineInfo.shape.type.optional(),
      status: EngineInfo.shape.status.optional()
    }),
    examples: [{ input: { status: 'ready' } }],
    output: z.strictObject({ items: z.array(EngineInfo) }),
    run: async ({ type, status }) => ({
      items: node.engine
        .list()
        .filter(
          one => (type === undefined || one.type === type) && (status === undefined || one.status === status)
        )
    })
  }),
  defineUnit({
    name: 'engine.get',
    kind: 'query',
    permission: 'read',
    summary: 'One engine of this device.',
    input: Named,
    examples: [{ input: { name: 'llama-cpp' } }],
    output: EngineInfo,
    run: async ({ name }) => node.engine.get(name)
  }),
  defineUnit({
    name: 'engine.features',
    kind: 'query',
    permission: 'read',
    summary: 'What an engine can do with the models that it opens here.',
    input: Named,
    examples: [{ input: { name: 'onnx' } }],
    output: EngineFeatures,
    run: async ({ name }) => node.engine.features(name)
  }),
  defineUnit({
    name: 'engine.install',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Begin a job that brings an engine: from the registry of the settings, or from a folder with its archives.',
    input: Named.extend({
      /** An absolute path on the device of the node. */
      from: z.string().max(4096).optional()
    }),
    examples: [{ input: { name: 'llama-cpp' } }],
    output: JobInfo,
    async run({ name, from }, { caller }) {
      if (from !== undefined) checkMayNamePaths(caller, `engine install ${name} --from ${from}`)
      return node.jobs.begin('engine.install', { engine: node.engine.get(name).name, from })
    }
  }),
  defineUnit({
    name: 'engine.remove',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Take the files of an installed engine away. Its models are left out.',
    input: Named,
    examples: [{ input: { name: 'llama-cpp' } }],
    output: EngineInfo,
    run: ({ name }) => node.engine.remove(name)
  }),
  defineUnit({
    name: 'engine.start',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Serve the models of an engine that was stopped.',
    input: Named,
    examples: [{ input: { name: 'onnx' } }],
    output: EngineInfo,
    run: ({ name }) => node.engine.start(name)
  }),
  defineUnit({
    name: 'engine.stop',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Serve no model of an engine, also after a restart of the node. Requests under way end first.',
    input: Named,
    examples: [{ input: { name: 'onnx' } }],
    output: EngineInfo,
    run: ({ name }) => node.engine.stop(name)
  }),
  defineUnit({
    name: 'engine.restart',
    kind: 'command',
    permission: 'manage',
    summary: 'End the processes of an engine. New ones begin with the next request.',
    input: Named,
    examples: [{ input: { name: 'onnx' } }],
    output: EngineInfo,
    run: ({ name }) => node.engine.restart(name)
  })
]
