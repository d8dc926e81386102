/** All tasks. A new one is a file beside this, a line here, and an engine that does it. */

import { featureExtraction } from './feature-extraction.ts'
import { imageClassification } from './image-classification.ts'
import { imageFeatureExtraction } from './image-feature-extraction.ts'
import { imageToText } from './image-to-text.ts'
import { objectDetection } from './object-detection.ts'
import { tensor } from './tensor.ts'
import { textGeneration } from './text-generation.ts'
import { textRanking } from './text-ranking.ts'
import { textToImage } from './text-to-image.ts'
import { translation } from './translation.ts'
import { zeroShotImageClassification } from './zero-shot-image-classification.ts'

export const TASK_LIST = [
  featureExtraction,
  imageClassification,
  imageFeatureExtraction,
  imageToText,
  objectDetection,
  tensor,
  textGeneration,
  textRanking,
  textToImage,
  translation,
  zeroShotImageClassification
] as const
