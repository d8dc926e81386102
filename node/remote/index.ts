/** Units of other devices, and those of this one for them. */

import type { RemoteUnits } from '../../interface/remote.ts'
import type { FeatureDeclaration } from '../feature.ts'

export const remote: FeatureDeclaration<RemoteUnits> = {
  name: 'remote',
  create: async components => new (await import('./remote.ts')).RemoteFeature(components)
}
