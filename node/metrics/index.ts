/** What a node counts of its events from its start, whether or not a program asks for it. */

import type { LumosMetrics } from '../../interface/metrics.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { countEvents } from './counted.ts'

export const metrics: FeatureDeclaration<LumosMetrics> = {
  name: 'metrics',
  create: async ({ events }) => ({ name: 'metrics', facet: countEvents(events) })
}
