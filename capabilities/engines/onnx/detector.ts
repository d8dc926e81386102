/** One graph that finds objects in pictures. */

import type { InferenceSession } from 'onnxruntime-node'
import { EngineFailedError } from '../../../interface/errors.ts'
import type { Doing } from '../doing.ts'
import {
  type Candidate,
  certain,
  fromDetr,
  fromYolo,
  placed,
  suppressed,
  type Values
} from '../pictures/detection.ts'
import { sizeOf } from '../pictures/picture.ts'
import { tensors } from './classifier.ts'
import { checkGraph } from './graph.ts'
import { type ImageSettings, imageTensor } from './image.ts'

export interface DetectorSettings {
  readonly form: 'detector'
  readonly decoding: 'detr' | 'yolov5' | 'yolov8'
  readonly input: string
  /** DETR: logits, boxes. */
  readonly outputs: readonly string[]
  readonly image: ImageSettings
  readonly labels: readonly string[]
  /** Boxes of one label that cover each other by more than this part are one object. */
  readonly overlap: number
}

export function detector(graph: InferenceSession, settings: DetectorSettings): Doing {
  const { input, outputs: names, image: how, labels, overlap } = settings
  checkGraph(graph, { inputs: [input], outputs: names })
  return {
    ...tensors(graph),
    'object-detection': async ({ image }, { threshold }, { signal }) => {
      const picture = await sizeOf(image)
      const feed = await imageTensor(image, how, { signal })
      // The last chance: a run cannot be interrupted.
      signal?.throwIfAborted()
      const outputs = await graph.run({ [input]: feed })
      const candidates = certain(
        decoded(
          names.map(name => valuesOf(outputs[name])),
          settings
        ),
        threshold
      )
      const objects = suppressed(candidates, settings.decoding === 'detr' ? 1 : overlap).flatMap(
        ({ label, score, box }) => {
          const found = placed(box, picture, how)
          if (found === undefined) return []
          const [xmin, ymin, xmax, ymax] = found
          return [{ label: labels[label]!, score, box: { xmin, ymin, xmax, ymax } }]
        }
      )
      return { output: { objects } }
    }
  }
}

function decoded(
  values: readonly Values[],
  { decoding, labels, image }: DetectorSettings
): readonly Candidate[] {
  const [first, second] = values as [Values, Values]
  switch (decoding) {
    case 'detr':
      return fromDetr(first, second, labels.length, image)
    case 'yolov5':
      return fromYolo(first, labels.length, 5)
    case 'yolov8':
      return fromYolo(first, labels.length, 8)
  }
}

function valuesOf(tensor: InferenceSession.ReturnType[string] | undefined): Values {
  if (tensor?.data instanceof Float32Array) return { data: tensor.data, dims: tensor.dims }
  throw new EngineFailedError(`The graph answered ${tensor?.type}, and float32 is read.`)
}
