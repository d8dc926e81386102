/** The section `serving`. */

import * as z from 'zod'

export const ServingSettings = z.strictObject({
  yield: z
    .enum(['auto', 'never'])
    .default('auto')
    .describe(
      'Whether this device yields to its user. `auto`: while other programs want its processors or its memory, or its battery is low, requests of other devices go elsewhere, and engines have a lower priority. Its own requests are answered as ever.'
    )
})
