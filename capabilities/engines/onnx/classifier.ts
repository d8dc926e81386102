/** One graph: any for tensors, and one whose description says so for the classes of pictures. */

import type { InferenceSession } from 'onnxruntime-node'
import type { Doing } from '../doing.ts'
import { topLabels } from '../pictures/scores.ts'
import { checkGraph } from './graph.ts'
import { type GraphBatcher, graphBatcher, hasFixedRows } from './graph-batches.ts'
import { type ImageSettings, imageTensor, numbersIn } from './image.ts'
import { feedsOf, outputsOf } from './tensor.ts'

export interface ClassifierSettings {
  readonly form: 'classifier'
  readonly input: string
  readonly output: string
  readonly image: ImageSettings
  readonly labels: readonly string[]
  /** Pictures that are run together at most, as the owner has set it. */
  readonly batch?: number
}

/** @param batcher runs the rows of several requests together, where they are alike. */
export function tensors(graph: InferenceSession, batcher?: GraphBatcher): Doing {
  const isBatched = batcher !== undefined && hasFixedRows(graph)
  return {
    tensor: async ({ tensors }, _, options) => {
      const feeds = feedsOf(tensors, graph.inputMetadata)
      const outputs = isBatched ? (await batcher.all([feeds], options))[0]! : await graph.run(feeds)
      return { output: { tensors: outputsOf(outputs) } }
    }
  }
}

export function classifier(
  graph: InferenceSession,
  { input, output, image: how, labels, batch }: ClassifierSettings
): Doing {
  checkGraph(graph, { inputs: [input], outputs: [output] })
  const batcher = graphBatcher(graph, numbersIn(how), batch)
  return {
    ...tensors(graph, batcher),
    'image-classification': async ({ image }, { topK }, options) => {
      const feed = await imageTensor(image, how, options)
      const [outputs] = await batcher.all([{ [input]: feed }], options)
      return { output: { labels: topLabels(outputs![output]?.data as Float32Array, labels, topK) } }
    }
  }
}
