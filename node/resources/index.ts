/** The memory that models of a device share, and what is kept free of them. */

import { type LumosResources, RESOURCE_EVENTS } from '../../interface/resources.ts'
import type { FeatureDeclaration } from '../feature.ts'

type ResourceEvents = typeof RESOURCE_EVENTS
declare module '../../interface/events.ts' {
  interface EventSchemas extends ResourceEvents {}
}

export const resources: FeatureDeclaration<LumosResources> = {
  name: 'resource',
  events: RESOURCE_EVENTS,
  create: async components => new (await import('./resources.ts')).ResourcesFeature(components)
}
