/** What other platforms of this kind do, and no engine of this one. */

import * as z from 'zod'
import { ModelId } from '../../interface/names.ts'
import { Text } from '../../interface/tasks/messages.ts'
import { unsupported } from '../unsupported.ts'

/** A film of an hour. */
const SECONDS_MAX = 3600

export const unsupportedUnits = [
  unsupported({
    name: 'inference.generate_video',
    permission: 'use',
    summary: 'Make a video of a text. Not supported: no engine of a node makes videos.',
    reason: 'No engine of a node makes videos.',
    input: z.strictObject({
      model: ModelId.optional(),
      prompt: Text,
      duration: z.number().positive().max(SECONDS_MAX).optional()
    }),
    output: z.strictObject({ video: z.string(), format: z.string(), duration: z.number() }),
    examples: [{ input: { prompt: 'waves at a beach', duration: 4 } }]
  })
]
