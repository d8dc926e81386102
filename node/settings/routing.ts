/** The section `routing`. */

import * as z from 'zod'
import { RoutingPolicy } from '../../interface/routing.ts'

export const RoutingSettings = z.strictObject({
  policy: RoutingPolicy.default('balanced').describe(
    'How a request finds its device: `balanced`, `fastest`, `local-first`, `cheapest` (what stays in the mesh, then what need not be woken, then the smallest device that is fast enough) or `greenest` (what need not be woken, no battery, no model to load, then the least energy for a token where devices measure it, then the smallest).'
  )
})
