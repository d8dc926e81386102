/** What a node does with its models besides serving them. */

import type { FeatureDeclaration } from '../feature.ts'
import { MODEL_EVENTS } from './events.ts'
import { modelCheck } from './model-check.ts'

export { mustBeOfferable } from './demonstrations.ts'
export { listModels } from './list.ts'

export const models: FeatureDeclaration = {
  name: 'model',
  events: MODEL_EVENTS,
  async create({ catalogue, registry, emit }) {
    const isOpen = (id: string) => registry.models().some(({ model, warm }) => model === id && warm)
    registry.onModel = change => {
      const modelId = change.model
      if (change.type === 'loaded') {
        const { durationMs, memoryBytes } = change
        emit('model.loaded', { modelId, durationMs, memoryBytes })
      } else if (change.type === 'failed') {
        const { code, message } = change.failure
        emit('model.failed', { modelId, code, message })
      } else if (change.reason === 'evicted') emit('model.evicted', { modelId })
      else emit('model.unloaded', { modelId, reason: change.reason })
    }
    return { name: 'model', jobs: [modelCheck(catalogue, isOpen)] }
  }
}
