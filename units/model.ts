/** The models the mesh offers, this node's own included. */

import * as z from 'zod'
import { LumosError } from '../interface/errors.ts'
import { Access } from '../interface/membership.ts'
import { ModelId } from '../interface/names.ts'
import { EngineSandbox, LeftOut, type LumosNode, ModelInfo, Offering } from '../interface/node.ts'
import { closestNames } from '../interface/suggest.ts'
import { defineUnit } from './define-unit.ts'

const Models = z.strictObject({ items: z.array(ModelInfo) })

export const modelUnits = (node: LumosNode) => [
  defineUnit({
    name: 'model.sandbox',
    kind: 'query',
    summary: 'What keeps the engines of this device from its files and its network.',
    input: z.strictObject({}),
    output: z.strictObject({ sandbox: EngineSandbox }),
    run: async () => ({ sandbox: await node.sandbox() })
  }),
  defineUnit({
    name: 'model.list',
    kind: 'query',
    summary: 'Every model the mesh offers, with its providers, and what this node left out, with the reason.',
    input: z.strictObject({}),
    output: Models.extend({ left_out: z.array(LeftOut) }),
    run: async () => ({ items: node.models(), left_out: node.leftOut() })
  }),
  defineUnit({
    name: 'model.get',
    kind: 'query',
    summary: 'One model: an item for each task it does.',
    input: z.strictObject({ model: ModelId }),
    output: Models,
    run: async ({ model }) => {
      const all = node.models()
      const items = all.filter(info => info.model === model)
      if (items.length > 0) return { items }

      const closest = closestNames(
        model,
        all.map(info => info.model)
      )
      throw new LumosError('MODEL_NOT_FOUND', `No device offers "${model}".`, {
        hint:
          closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'lumos-node models lists what there is.',
        details: { closest }
      })
    }
  }),
  defineUnit({
    name: 'model.offer',
    kind: 'command',
    summary: 'Offer a model of this node to everyone, to roles or to peers, whatever the settings say.',
    input: z.strictObject({ model: ModelId, to: Access.default('everyone') }),
    output: Offering,
    run: async ({ model, to }) => node.offer(model, to)
  }),
  defineUnit({
    name: 'model.withdraw',
    kind: 'command',
    summary: 'Offer a model of this node to nobody else. What others have under way with it ends.',
    input: z.strictObject({ model: ModelId }),
    output: Offering,
    run: async ({ model }) => node.withdraw(model)
  })
]
