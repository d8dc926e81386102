/** Devices that sleep, and are woken by a packet on their local network. */

import * as z from 'zod'
import type { Wake } from '../../interface/wake.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { WAKEABLE_TABLES } from './wakeable.ts'

export const wake: FeatureDeclaration<Wake> = {
  name: 'wake',
  settings: z.strictObject({
    allow: z
      .boolean()
      .default(false)
      .describe(
        'Members may wake this device when it sleeps: its manifest tells them the hardware addresses of its network cards.'
      )
  }),
  tables: WAKEABLE_TABLES,
  create: async components => new (await import('./wake.ts')).WakeFeature(components)
}
