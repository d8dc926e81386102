/** The machine of this node: its parts, and how they are doing. */

import { DEVICE_EVENTS, type LumosDevice } from '../../interface/device.ts'
import type { FeatureDeclaration } from '../feature.ts'

export { watchHealth } from './health.ts'

type DeviceEvents = typeof DEVICE_EVENTS
declare module '../../interface/events.ts' {
  interface EventSchemas extends DeviceEvents {}
}

export const device: FeatureDeclaration<LumosDevice> = {
  name: 'device',
  events: DEVICE_EVENTS,
  create: async components => new (await import('./device.ts')).DeviceFeature(components)
}
