/** The models the mesh offers, this node's own included. Fields are named as in other platforms of this kind. */

import * as z from 'zod'
import { Access, Offering } from '../interface/membership.ts'
import { ModelId } from '../interface/names.ts'
import { EngineSandbox, LeftOut, type LumosNode, ModelInfo, type OwnModel } from '../interface/node.ts'
import { WeightsInfo } from '../interface/weights.ts'
import { defineUnit } from './define-unit.ts'
import { notFound, orElsewhere } from './missing-model.ts'
import { Estimate, estimate } from './service-advice.ts'

/** Far more than one mesh offers. */
const ITEMS_MAX = 1000

const ModelStatus = z.enum(['cold', 'loading', 'ready', 'draining'])

const Model = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** The task that it does; a model of several tasks is listed once for each. */
  type: z.string(),
  /** `ready`: loaded on at least one device. `cold`: loaded by its first request. `draining`: being unloaded. */
  status: ModelStatus,
  /** Null unless this device has its files. */
  format: z.string().nullable(),
  /** Bytes; null unless this device has its files. */
  size: z.int().nullable(),
  /** What it takes when it is loaded, as measured or expected; null unless this device has it. */
  requirements: z.strictObject({ memoryMin: z.int() }).nullable(),
  /** In the store of this device; null for what it does not have, or has elsewhere on its disk. */
  weights: WeightsInfo.pick({ cid: true, bytes: true, pinned: true, copies: true, state: true }).nullable(),
  providers: ModelInfo.shape.providers
})
type Model = z.infer<typeof Model>

const Wanted = z.strictObject({
  type: z.string().max(64).optional(),
  status: ModelStatus.optional(),
  format: z.string().max(64).optional(),
  limit: z.int().min(1).max(ITEMS_MAX).default(ITEMS_MAX),
  offset: z.int().min(0).default(0)
})

const Models = z.strictObject({
  items: z.array(Model),
  /** All that match, with those before `offset` and after `limit`. */
  total: z.int(),
  leftOut: z.array(LeftOut.omit({ model: true }).extend({ modelId: LeftOut.shape.model }))
})
export type ModelList = z.infer<typeof Models>

const Offered = z.strictObject({ modelId: z.string(), offeredTo: Offering.shape.offeredTo })

const Details = Model.extend({ tasks: z.array(z.string()) })
export type ModelDetails = z.infer<typeof Details>

const Own = z.strictObject({
  modelId: z.string(),
  status: ModelStatus,
  /** What its engine takes now. */
  memoryBytes: z.int()
})
export type LoadedModel = z.infer<typeof Own>

export const modelUnits = (node: LumosNode) => [
  defineUnit({
    name: 'model.sandbox',
    kind: 'query',
    permission: 'read',
    summary: 'What keeps the engines of this device from its files and its network.',
    input: z.strictObject({}),
    output: z.strictObject({ sandbox: EngineSandbox }),
    run: async () => ({ sandbox: await node.sandbox() })
  }),
  defineUnit({
    name: 'model.list',
    kind: 'query',
    permission: 'read',
    summary: 'Every model the mesh offers, with its providers, and what this node left out, with the reason.',
    input: Wanted,
    examples: [{ input: { status: 'ready', limit: 10 } }],
    output: Models,
    async run({ type, status, format, limit, offset }) {
      const weightsOf = weightsBy(node)
      const items = node
        .models()
        .map(model => toModel(model, weightsOf(model)))
        .filter(
          model =>
            (type === undefined || model.type === type) &&
            (status === undefined || model.status === status) &&
            (format === undefined || model.format === format)
        )
      return {
        items: items.slice(offset, offset + limit),
        total: items.length,
        leftOut: node.leftOut().map(({ model, ...rest }) => ({ ...rest, modelId: model }))
      }
    }
  }),
  defineUnit({
    name: 'model.get',
    kind: 'query',
    permission: 'read',
    summary: 'One model, with all its tasks and its providers.',
    input: z.strictObject({ modelId: ModelId }),
    examples: [{ input: { model_id: 'digits-cnn' } }],
    output: Details,
    async run({ modelId }) {
      const all = node.models()
      const found = all.filter(({ model }) => model === modelId)
      const [first] = found
      if (first === undefined) throw notFound(modelId, all)
      const providers = new Map(found.flatMap(info => info.providers.map(peer => [peer.peerId, peer])))
      return {
        ...toModel({ ...first, providers: [...providers.values()] }, weightsBy(node)(first)),
        tasks: found.map(({ task }) => task)
      }
    }
  }),
  defineUnit({
    name: 'model.estimate_resources',
    kind: 'query',
    permission: 'read',
    summary: 'What a model takes of the memory of a device that loads it, as measured or by its files.',
    input: z.strictObject({ modelId: ModelId }),
    examples: [{ input: { model_id: 'digits-cnn' } }],
    output: Estimate,
    run: async ({ modelId }) => estimate(node, modelId)
  }),
  defineUnit({
    name: 'model.load',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Load a model of this device, and wait for it.',
    input: z.strictObject({ modelId: ModelId }),
    examples: [
      {
        input: { model_id: 'digits-cnn' },
        output: { model_id: 'digits-cnn', status: 'ready', memory_bytes: 104_857_600 }
      }
    ],
    output: Own,
    async run({ modelId }, { signal }) {
      const loaded = node.loadModel(modelId, { signal }).catch((thrown: unknown) => {
        throw orElsewhere(modelId, node, thrown)
      })
      return toOwn(await loaded)
    }
  }),
  defineUnit({
    name: 'model.unload',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Unload a model of this device, once its requests have ended. The next request loads it again.',
    input: z.strictObject({ modelId: ModelId }),
    examples: [
      {
        input: { model_id: 'digits-cnn' },
        output: { model_id: 'digits-cnn', status: 'draining', memory_bytes: 104_857_600 }
      }
    ],
    output: Own,
    run: async ({ modelId }) => toOwn(node.unloadModel(modelId))
  }),
  defineUnit({
    name: 'model.offer',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Offer a model of this node to everyone, to roles or to peers, whatever the settings say.',
    input: z.strictObject({ modelId: ModelId, to: Access.default('everyone') }),
    examples: [
      {
        input: { model_id: 'echo', to: { roles: ['member'] } },
        output: { model_id: 'echo', offered_to: { roles: ['member'] } }
      }
    ],
    output: Offered,
    run: async ({ modelId, to }) => toOffered(node.offer(modelId, to))
  }),
  defineUnit({
    name: 'model.withdraw',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Offer a model of this node to nobody else. What others have under way with it ends.',
    input: z.strictObject({ modelId: ModelId }),
    examples: [{ input: { model_id: 'echo' }, output: { model_id: 'echo', offered_to: null } }],
    output: Offered,
    run: async ({ modelId }) => toOffered(node.withdraw(modelId))
  })
]

/** By the name of the model. */
function weightsBy({ weights }: LumosNode): (model: ModelInfo) => Model['weights'] {
  const all = new Map(weights.list().map(info => [info.model, info]))
  return ({ model }) => {
    const info = all.get(model)
    if (info === undefined) return null
    const { cid, bytes, pinned, copies, state } = info
    return { cid, bytes, pinned, copies, state }
  }
}

const toModel = (
  { model, task, format, sizeBytes, providers }: ModelInfo,
  weights: Model['weights']
): Model => ({
  id: model,
  name: model,
  type: task,
  status: statusOf(providers),
  format,
  size: sizeBytes,
  requirements: requirementsOf(providers),
  weights,
  providers
})

type Providers = ModelInfo['providers']

const statusOf = (providers: Providers): Model['status'] =>
  (['ready', 'loading', 'draining'] as const).find(status =>
    providers.some(({ state }) => state === status)
  ) ?? 'cold'

function requirementsOf(providers: Providers): Model['requirements'] {
  const memoryMin = providers.find(({ route }) => route === 'local')?.memoryBytes ?? null
  return memoryMin === null ? null : { memoryMin: Math.ceil(memoryMin) }
}

const toOwn = ({ model, state, memoryBytes }: OwnModel) => ({ modelId: model, status: state, memoryBytes })

const toOffered = ({ model, offeredTo }: Offering) => ({ modelId: model, offeredTo })
