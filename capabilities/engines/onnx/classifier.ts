/** One graph: any for tensors, and one whose description says so for the classes of pictures. */

import type { InferenceSession } from 'onnxruntime-node'
import type { Doing } from '../doing.ts'
import { topLabels } from '../pictures/scores.ts'
import { checkGraph } from './graph.ts'
import { type ImageSettings, imageTensor } from './image.ts'
import { feedsOf, outputsOf } from './tensor.ts'

export interface ClassifierSettings {
  readonly form: 'classifier'
  readonly input: string
  readonly output: string
  readonly image: ImageSettings
  readonly labels: readonly string[]
}

export const tensors = (graph: InferenceSession): Doing => ({
  tensor: async ({ tensors }) => ({
    output: { tensors: outputsOf(await graph.run(feedsOf(tensors, graph.inputMetadata))) }
  })
})

export function classifier(
  graph: InferenceSession,
  { input, output, image: how, labels }: ClassifierSettings
): Doing {
  checkGraph(graph, { inputs: [input], outputs: [output] })
  return {
    ...tensors(graph),
    'image-classification': async ({ image }, { topK }, { signal }) => {
      const feed = await imageTensor(image, how)
      // The last chance: a run cannot be interrupted.
      signal?.throwIfAborted()
      const outputs = await graph.run({ [input]: feed })
      return { output: { labels: topLabels(outputs[output]?.data as Float32Array, labels, topK) } }
    }
  }
}
