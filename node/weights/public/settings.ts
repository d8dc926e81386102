/** Whose weights any peer may have, as the settings say. Part of the section `weights`. */

import * as z from 'zod'
import { ModelId } from '../../../interface/names.ts'
import { Host, Port } from '../../settings/values.ts'

/** A list that a person keeps by hand. */
const MODELS_MAX = 64

export const publicSettings = z.strictObject({
  models: z
    .array(ModelId)
    .max(MODELS_MAX)
    .default([])
    .describe(
      'Models whose weights any peer of the Internet may fetch by Bitswap, members or not. Nothing listens for them while it is empty.'
    ),
  host: Host.default('::').describe(
    'Where to listen for such peers. `::` stands for every address, of IPv4 too.'
  ),
  port: Port.default(5868).describe('The port for such peers; 0 for any free one.')
})
export type PublicSettings = z.infer<typeof publicSettings>
