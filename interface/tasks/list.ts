/** All tasks. A new one is a file beside this, a line here, and an engine that does it. */

import { imageClassification } from './image-classification.ts'
import { tensor } from './tensor.ts'
import { textGeneration } from './text-generation.ts'

export const TASK_LIST = [imageClassification, tensor, textGeneration] as const
