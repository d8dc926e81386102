/** What is in a picture, and pictures that are made, as rows of `named.ts`. */

import * as z from 'zod'
import { faceDetection } from '../../interface/tasks/face-detection.ts'
import { faceVerification } from '../../interface/tasks/face-verification.ts'
import { imageClassification } from '../../interface/tasks/image-classification.ts'
import { imageToText } from '../../interface/tasks/image-to-text.ts'
import { IMAGE_BYTES_MAX } from '../../interface/tasks/images.ts'
import { objectDetection } from '../../interface/tasks/object-detection.ts'
import { textRecognition } from '../../interface/tasks/text-recognition.ts'
import { textToImage } from '../../interface/tasks/text-to-image.ts'
import { zeroShotImageClassification } from '../../interface/tasks/zero-shot-image-classification.ts'
import { INPUT_BYTES_MAX } from '../../interface/units.ts'
import { inJson } from './chunk.ts'
import { answerAs, type Row } from './named-unit.ts'
import { PIXEL } from './pixel.ts'

const inputBytesMax = inJson(IMAGE_BYTES_MAX)
const BOX = { xmin: 4, ymin: 8, xmax: 120, ymax: 96 }

export const PICTURE_ROWS: readonly Row[] = [
  {
    name: 'inference.classify',
    summary: 'Say what an image shows, or which of the given labels fits it.',
    tasks: [imageClassification, zeroShotImageClassification],
    inputBytesMax,
    examples: [
      {
        input: { image: PIXEL, top_k: 1 },
        output: { model: 'digits-cnn', labels: [{ label: '7', score: 0.99 }] }
      },
      {
        input: { image: PIXEL, labels: ['a cat', 'a dog'], top_k: 1 },
        output: { model: 'tiny-clip', labels: [{ label: 'a dog', score: 0.8 }] }
      }
    ]
  },
  {
    name: 'inference.detect',
    tasks: [objectDetection],
    inputBytesMax,
    answer: answerAs(
      objectDetection,
      { detections: objectDetection.output.shape.objects },
      ({ objects: detections }) => ({ detections })
    ),
    examples: [
      {
        input: { image: PIXEL, threshold: 0.6 },
        output: { model: 'yolos-tiny', detections: [{ label: 'cat', score: 0.9, box: BOX }] }
      }
    ]
  },
  {
    name: 'inference.detect_faces',
    tasks: [faceDetection],
    inputBytesMax,
    examples: [{ input: { image: PIXEL, embeddings: true } }]
  },
  {
    name: 'inference.verify_faces',
    tasks: [faceVerification],
    inputBytesMax: inJson(2 * IMAGE_BYTES_MAX),
    examples: [
      {
        input: { images: [PIXEL, PIXEL] },
        output: { model: 'antelopev2', similarity: 0.61, same: true }
      }
    ]
  },
  {
    name: 'inference.recognize_text',
    tasks: [textRecognition],
    inputBytesMax,
    examples: [{ input: { image: PIXEL }, output: { model: 'pp-ocrv4', lines: [] } }]
  },
  {
    name: 'inference.describe',
    tasks: [imageToText],
    inputBytesMax,
    examples: [
      { input: { image: PIXEL, max_tokens: 32 }, output: { model: 'vit-gpt2', text: 'a cat on a mat' } }
    ]
  },
  {
    name: 'inference.generate_image',
    tasks: [textToImage],
    inputBytesMax: INPUT_BYTES_MAX,
    answer: answerAs(
      textToImage,
      {
        images: z.array(z.instanceof(Uint8Array)),
        /** Of the first, such as `png`; null where there is none. */
        format: z.string().nullable()
      },
      ({ images }) => ({
        images: images.map(({ image }) => image),
        format: images[0]?.mime.replace(/^image\//, '').replace(/;.*$/, '') ?? null
      })
    ),
    examples: [
      {
        input: { prompt: 'a lighthouse in fog', width: 512, height: 512, seed: 7 },
        output: { model: 'paint', images: [PIXEL], format: 'png' }
      }
    ]
  }
]
