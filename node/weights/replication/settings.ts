/** What this device does for copies that the mesh wants. */

import * as z from 'zod'
import { KeepAlive } from '../../../interface/amounts.ts'

export const copySettings = z.strictObject({
  take: z
    .boolean()
    .default(true)
    .describe('Make copies of models of which the mesh wants more. A fifth of the disk stays free.'),
  grace: KeepAlive.default('24h').describe(
    'A device that holds a copy and is away for so long is gone: another one makes a copy. The same on all devices.'
  )
})
export type CopySettings = z.infer<typeof copySettings>
