/** What can be asked: the models of the mesh, each once. */

import * as z from 'zod'
import { ModelId } from '../../interface/names.ts'
import type { LumosNode } from '../../interface/node.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import { textToSpeech } from '../../interface/tasks/text-to-speech.ts'
import { defineUnit } from '../define-unit.ts'

const Model = z.strictObject({
  id: z.string(),
  /** The tasks that it does. */
  types: z.array(z.string()),
  /** Whether it is loaded on a device. */
  ready: z.boolean(),
  /** Whether a device that has it hands on what it is asked to a server outside of the mesh. */
  leavesMesh: z.boolean(),
  /** Names of the devices that have it. */
  devices: z.array(z.string())
})
type Model = z.infer<typeof Model>

const Voice = z.strictObject({
  modelId: z.string(),
  /** Null: the voice that the model has when none is asked for. */
  voice: z.string().nullable(),
  ...{ ready: Model.shape.ready, devices: Model.shape.devices }
})

export const modelUnits = (node: LumosNode) => [
  defineUnit({
    name: 'inference.models',
    kind: 'query',
    permission: 'read',
    summary: 'The models that can be asked, each once, with their tasks and devices.',
    input: z.strictObject({ type: z.string().max(64).optional() }),
    examples: [
      {
        input: { type: textGeneration.name },
        output: {
          models: [
            {
              ...{ id: 'tiny-llm', types: [textGeneration.name] },
              ...{ ready: true, leaves_mesh: false, devices: ['den'] }
            }
          ]
        }
      }
    ],
    output: z.strictObject({ models: z.array(Model) }),
    run: async ({ type }) => ({
      models: modelsOf(node).filter(({ types }) => type === undefined || types.includes(type))
    })
  }),
  defineUnit({
    name: 'inference.voices',
    kind: 'query',
    permission: 'read',
    summary: 'The models that speak, each with its own voice; no device states the names of more.',
    input: z.strictObject({ model: ModelId.optional() }),
    examples: [
      { input: {}, output: { voices: [{ model_id: 'speak', voice: null, ready: false, devices: ['den'] }] } }
    ],
    output: z.strictObject({ voices: z.array(Voice) }),
    run: async ({ model }) => ({
      voices: modelsOf(node)
        .filter(({ id, types }) => types.includes(textToSpeech.name) && (model === undefined || id === model))
        .map(({ id, ready, devices }) => ({ modelId: id, voice: null, ready, devices }))
    })
  })
]

function modelsOf(node: LumosNode): Model[] {
  const byId = new Map<string, Model>()
  for (const { model: id, task, providers } of node.models()) {
    const { types, ready, leavesMesh, devices } = byId.get(id) ?? {
      ...{ types: [], ready: false, leavesMesh: false, devices: [] }
    }
    byId.set(id, {
      id,
      types: [...types, task],
      ready: ready || providers.some(({ warm }) => warm),
      leavesMesh: leavesMesh || providers.some(one => one.leavesMesh),
      devices: [...new Set([...devices, ...providers.map(({ name }) => name)])]
    })
  }
  return [...byId.values()]
}
