/** Memory of agents: spaces of documents, of this device alone or shared with others of the mesh. */

import * as z from 'zod'
import { MemorySize } from '../../interface/amounts.ts'
import type { Memory } from '../../interface/memory.ts'
import type { FeatureDeclaration } from '../feature.ts'

export const memory: FeatureDeclaration<Memory> = {
  name: 'memory',
  settings: z.strictObject({
    spaceMax: MemorySize.default('1GB').describe('What one space may take on this device, such as `500MB`.'),
    searchModel: z
      .string()
      .optional()
      .describe(
        'Model that makes the vectors by which `memory search` finds what is meant. Without it, one that this device has, or a device that may read the space.'
      )
  }),
  create: async components => new (await import('./memory.ts')).MemoryFeature(components)
}
