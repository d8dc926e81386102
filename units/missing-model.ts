/** What is said of a model that is not where it was asked for. */

import { LumosError } from '../interface/errors.ts'
import type { LumosNode, ModelInfo } from '../interface/node.ts'
import { closestNames } from '../interface/suggest.ts'

/** What another device has can be brought here, which is a job and takes its time. */
export function orElsewhere(modelId: string, node: LumosNode, thrown: unknown): unknown {
  if (!(thrown instanceof LumosError) || thrown.code !== 'MODEL_NOT_FOUND') return thrown
  const names = node
    .models()
    .flatMap(({ model, providers }) => (model === modelId ? providers.map(({ name }) => name) : []))
  if (names.length === 0) return thrown
  return new LumosError(thrown.code, `${thrown.message} It is on: ${[...new Set(names)].join(', ')}.`, {
    hint: `Bring it here first: lumos-node models pull ${modelId}`
  })
}

export function notFound(modelId: string, all: readonly ModelInfo[]): LumosError {
  const closest = closestNames(
    modelId,
    all.map(({ model }) => model)
  )
  return new LumosError('MODEL_NOT_FOUND', `No device offers "${modelId}".`, {
    hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'lumos-node models lists what there is.',
    details: { closest }
  })
}
