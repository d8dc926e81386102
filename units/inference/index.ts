/** Questions to the mesh: any task, and the common ones by their own names. */

import type { LumosNode } from '../../interface/node.ts'
import { answerUnits } from './answers.ts'
import { batchUnits } from './batch.ts'
import { modelUnits } from './models.ts'
import { namedUnits } from './named.ts'
import { requestUnits } from './requests.ts'
import { runUnits } from './run.ts'
import { textUnits } from './text.ts'
import { unsupportedUnits } from './unsupported.ts'
import { vectorUnits } from './vectors.ts'
import { verifyUnits } from './verify.ts'

export const inferenceUnits = (node: LumosNode) => [
  ...runUnits(node),
  ...requestUnits(node),
  ...textUnits(node),
  ...vectorUnits(node),
  ...namedUnits(node),
  ...unsupportedUnits,
  ...batchUnits(node),
  ...modelUnits(node),
  ...answerUnits(node),
  ...verifyUnits(node)
]
