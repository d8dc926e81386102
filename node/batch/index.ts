/** Many inputs of one task, split over all devices that can. */

import type { Batch } from '../../interface/batch.ts'
import type { FeatureDeclaration } from '../feature.ts'

export { itemsOf } from './inputs.ts'

export const batch: FeatureDeclaration<Batch> = {
  name: 'batch',
  domain: 'inference',
  create: async components => new (await import('./batch.ts')).BatchFeature(components)
}
