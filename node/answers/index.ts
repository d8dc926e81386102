/** Answers that are kept for a while, so that a client, a gateway or a device may come back to them. */

import * as z from 'zod'
import { KeepAlive, MemorySize } from '../../interface/amounts.ts'
import type { Answers } from '../../interface/answers.ts'
import type { FeatureDeclaration } from '../feature.ts'

export const answers: FeatureDeclaration<Answers> = {
  name: 'answers',
  settings: z.strictObject({
    keep: KeepAlive.default('1h').describe(
      'How long an answer can be read again after its last chunk, such as `10m`; 0: nothing is kept on disk.'
    ),
    diskMax: MemorySize.default('256MB').describe(
      'What kept answers may take of the disk: those that this device asks for, and as much again of those that it gives.'
    )
  }),
  create: async components => new (await import('./answers.ts')).AnswersFeature(components)
}
