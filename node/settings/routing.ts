/** The section `routing`. */

import * as z from 'zod'
import { RoutingPolicy } from '../../interface/routing.ts'

export const RoutingSettings = z.strictObject({
  policy: RoutingPolicy.default('balanced').describe(
    'How a request finds its device: `balanced`, `fastest`, `local-first`, `cheapest` (what stays in the mesh, then the smallest device that is fast enough) or `greenest` (no battery, no model to load, then the smallest).'
  )
})
