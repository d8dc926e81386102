/** All tasks. A new one is a file beside this, a line here, and an engine that does it. */

import { automaticSpeechRecognition } from './automatic-speech-recognition.ts'
import { faceDetection } from './face-detection.ts'
import { faceVerification } from './face-verification.ts'
import { featureExtraction } from './feature-extraction.ts'
import { imageClassification } from './image-classification.ts'
import { imageFeatureExtraction } from './image-feature-extraction.ts'
import { imageToText } from './image-to-text.ts'
import { objectDetection } from './object-detection.ts'
import { tensor } from './tensor.ts'
import { textGeneration } from './text-generation.ts'
import { textRanking } from './text-ranking.ts'
import { textRecognition } from './text-recognition.ts'
import { textToImage } from './text-to-image.ts'
import { textToSpeech } from './text-to-speech.ts'
import { translation } from './translation.ts'
import { voiceActivityDetection } from './voice-activity-detection.ts'
import { zeroShotImageClassification } from './zero-shot-image-classification.ts'

export const TASK_LIST = [
  automaticSpeechRecognition,
  faceDetection,
  faceVerification,
  featureExtraction,
  imageClassification,
  imageFeatureExtraction,
  imageToText,
  objectDetection,
  tensor,
  textGeneration,
  textRanking,
  textRecognition,
  textToImage,
  textToSpeech,
  translation,
  voiceActivityDetection,
  zeroShotImageClassification
] as const
