/** Tools of other programs on this device, for this device and for those that they are offered to. */

import type { LumosMcp } from '../../interface/mcp.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { McpSettings } from './settings.ts'

export const mcp: FeatureDeclaration<LumosMcp> = {
  name: 'mcp',
  settings: McpSettings,
  create: async components => new (await import('./mcp.ts')).McpFeature(components)
}
