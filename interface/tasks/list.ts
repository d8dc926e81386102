/** All tasks. A new one is a file beside this, a line here, and an engine that does it. */

import { faceDetection } from './face-detection.ts'
import { faceVerification } from './face-verification.ts'
import { featureExtraction } from './feature-extraction.ts'
import { imageClassification } from './image-classification.ts'
import { tensor } from './tensor.ts'
import { textGeneration } from './text-generation.ts'
import { textRanking } from './text-ranking.ts'
import { textRecognition } from './text-recognition.ts'

export const TASK_LIST = [
  faceDetection,
  faceVerification,
  featureExtraction,
  imageClassification,
  tensor,
  textGeneration,
  textRanking,
  textRecognition
] as const
