/** All tasks. A new one is a file beside this, a line here, and an engine that does it. */

import { featureExtraction } from './feature-extraction.ts'
import { imageClassification } from './image-classification.ts'
import { tensor } from './tensor.ts'
import { textGeneration } from './text-generation.ts'
import { textRanking } from './text-ranking.ts'

export const TASK_LIST = [
  featureExtraction,
  imageClassification,
  tensor,
  textGeneration,
  textRanking
] as const
