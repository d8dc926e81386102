/** What a node does with its models besides serving them. */

import type { FeatureDeclaration } from '../feature.ts'
import { modelCheck } from './model-check.ts'

export const models: FeatureDeclaration = {
  name: 'model',
  async create({ catalogue, registry }) {
    const isOpen = (id: string) => registry.models().some(({ model, warm }) => model === id && warm)
    return { name: 'model', jobs: [modelCheck(catalogue, isOpen)] }
  }
}
