/** The two graphs of a CLIP model: one turns pictures into vectors, the other texts. */

import type { InferenceSession } from 'onnxruntime-node'
import { LumosError } from '../../../interface/errors.ts'
import type { Doing } from '../doing.ts'
import { clipTasks, type LabelSettings, type Towers } from '../pictures/clip.ts'
import { rowsOf } from '../pictures/vectors.ts'
import type { TextSettings, TextTower } from './clip-text.ts'
import { graphBatcher } from './graph-batches.ts'
import { type ImageSettings, imageTensor, numbersIn } from './image.ts'

export interface ClipSettings extends LabelSettings {
  readonly form: 'clip'
  /** Absent: as CLIP was trained, in the size that the graph states. */
  readonly image?: ImageSettings | undefined
  /** Absent: the model reads no texts. */
  readonly text?: TextSettings | undefined
  /** Pictures that are run together at most, as the owner has set it. */
  readonly batch?: number
}

/** How CLIP sees where its description does not say. */
const CLIP_IMAGE: Omit<ImageSettings, 'width' | 'height'> = {
  ...{ fit: 'cover', kernel: 'cubic', color: 'rgb', background: 'white', layout: 'NCHW', range: [0, 1] },
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711]
}
const CLIP_SIDE = 224

export function openClip(
  { vision, text }: Readonly<Record<string, InferenceSession>>,
  settings: ClipSettings
): Doing {
  const texts = textsOf(text, settings.text)
  return clipTasks({ picture: pictureOf(vision!, settings), ...(texts && { texts }) }, settings)
}

function pictureOf(graph: InferenceSession, { image, batch }: ClipSettings): Towers['picture'] {
  const [input, ...more] = graph.inputNames
  if (input === undefined || more.length > 0)
    throw invalid('The graph for pictures takes more than one input')
  const output = outputOf(graph, 'image_embeds')
  const how = image ?? { ...CLIP_IMAGE, ...sizeOf(graph) }
  const batcher = graphBatcher(graph, numbersIn(how), batch)
  return async (encoded, options) => {
    const feed = await imageTensor(encoded, how, options)
    const [outputs] = await batcher.all([{ [input]: feed }], options)
    return rowsOf(outputs![output], 1)[0]!
  }
}

function textsOf(graph: InferenceSession | undefined, settings: TextSettings | undefined): Towers['texts'] {
  if (graph === undefined || settings === undefined) return undefined
  const output = outputOf(graph, 'text_embeds')
  let opened: Promise<TextTower> | undefined
  return async (texts, options) => {
    opened ??= import('./clip-text.ts')
      .then(({ TextTower }) => TextTower.open(graph, output, settings))
      .catch((thrown: unknown) => {
        opened = undefined
        throw thrown
      })
    return await (await opened).vectorsOf(texts, options)
  }
}

/** The name of the output with the vectors: the usual one, or the only one. */
function outputOf({ outputNames }: InferenceSession, usual: string): string {
  if (outputNames.includes(usual)) return usual
  if (outputNames.length === 1) return outputNames[0]!
  throw invalid(`A graph gives ${outputNames.join(', ')}, and none is "${usual}"`)
}

function sizeOf({ inputMetadata: [input] }: InferenceSession): { width: number; height: number } {
  const [, , height, width] = input?.isTensor ? input.shape : []
  const side = (size: unknown) => (typeof size === 'number' && size > 0 ? size : CLIP_SIDE)
  return { width: side(width), height: side(height) }
}

const invalid = (reason: string): LumosError => new LumosError('MODEL_INVALID', `${reason}.`)
