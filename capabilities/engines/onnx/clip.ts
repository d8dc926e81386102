/** A CLIP model: one graph turns pictures into vectors, another texts, and what belongs together lies near. */

import type { InferenceSession } from 'onnxruntime-node'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskParams } from '../../../interface/tasks/index.ts'
import type { TextSettings, TextTower } from './clip-text.ts'
import type { Doing } from './graph.ts'
import { type ImageSettings, imageTensor } from './image.ts'
import { type LabelSet, readLabelSet } from './label-set.ts'
import { type Scored, topLabels } from './scores.ts'
import { answerOf, normalized, product, rowsOf } from './vectors.ts'

/** Vectors of labels that were asked about lately: thousands of pictures are asked about the same ones. */
const KEPT_LABELS_MAX = 4096

export interface ClipSettings {
  readonly form: 'clip'
  /** Absent: as CLIP was trained, in the size that the graph states. */
  readonly image?: ImageSettings | undefined
  /** Absent: the model reads no texts. */
  readonly text?: TextSettings | undefined
  /** The sentence that a label is put into, at `{}`. */
  readonly prompt: string
  /** What the product of two vectors is multiplied by before labels compete. */
  readonly logitScale: number
  /** Label sets by name: files, relative to the working directory. */
  readonly datasets: Readonly<Record<string, string>>
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
  const clip = new Clip(vision!, text, settings)
  return {
    'image-feature-extraction': async ({ images }, _, { signal }) => {
      const vectors: Float32Array[] = []
      for (const image of images) vectors.push(await clip.picture(image, { signal }))
      return { output: answerOf(vectors) }
    },
    'feature-extraction': async ({ texts }, { dimensions }, options) => {
      const { vectors, inputTokens } = await clip.texts(texts, options)
      return { output: answerOf(cut(vectors, dimensions)), inputTokens }
    },
    'zero-shot-image-classification': async ({ image }, params, options) => {
      const set = await clip.labels(params, options)
      const vector = await clip.picture(image, options)
      return { output: { labels: clip.compared(vector, set, params.topK) } }
    }
  }
}

class Clip {
  readonly #vision: InferenceSession
  readonly #textGraph: InferenceSession | undefined
  readonly #settings: ClipSettings
  readonly #image: ImageSettings
  readonly #input: string
  readonly #output: string
  #tower: Promise<TextTower> | undefined
  /** The one that was asked for last. */
  #set: { readonly name: string; readonly read: Promise<LabelSet> } | undefined
  /** By the sentence; the one used last comes last. */
  readonly #kept = new Map<string, Float32Array>()

  constructor(vision: InferenceSession, text: InferenceSession | undefined, settings: ClipSettings) {
    this.#vision = vision
    this.#textGraph = text
    this.#settings = settings
    if (vision.inputNames.length !== 1) throw invalid('The picture graph takes more than one input')
    this.#input = vision.inputNames[0]!
    this.#output = outputOf(vision, 'image_embeds')
    if (text !== undefined) outputOf(text, 'text_embeds')
    this.#image = settings.image ?? { ...CLIP_IMAGE, ...sizeOf(vision) }
  }

  async picture(image: Uint8Array, { signal }: AbortOptions): Promise<Float32Array> {
    const feed = await imageTensor(image, this.#image)
    // The last chance: a run cannot be interrupted.
    signal?.throwIfAborted()
    const outputs = await this.#vision.run({ [this.#input]: feed })
    return rowsOf(outputs[this.#output], 1)[0]!
  }

  async texts(texts: readonly string[], options: AbortOptions) {
    this.#tower ??= this.#openTower()
    return await (await this.#tower).vectorsOf(texts, options)
  }

  /** The labels that are asked about, with their vectors. */
  async labels(
    { labels, template, dataset }: TaskParams<'zero-shot-image-classification'>,
    options: AbortOptions
  ): Promise<LabelSet> {
    if (labels === undefined) return await this.#setOf(dataset)
    const sentences = labels.map(label => (template ?? this.#settings.prompt).replaceAll('{}', () => label))
    const missing = [...new Set(sentences)].filter(sentence => !this.#kept.has(sentence))
    const { vectors } = missing.length === 0 ? { vectors: [] } : await this.texts(missing, options)
    const own = new Map(missing.map((sentence, at) => [sentence, vectors[at]!]))
    const found = sentences.map(sentence => own.get(sentence) ?? this.#kept.get(sentence)!)
    for (const [at, sentence] of sentences.entries()) this.#keep(sentence, found[at]!)
    const dimensions = found[0]!.length
    const all = new Float32Array(dimensions * found.length)
    for (const [at, vector] of found.entries()) all.set(vector, at * dimensions)
    return { labels, dimensions, vectors: all }
  }

  compared(vector: Float32Array, { labels, dimensions, vectors }: LabelSet, count: number): Scored[] {
    if (dimensions !== vector.length) {
      throw invalid(`Labels have vectors of ${dimensions} numbers, and pictures of ${vector.length}`)
    }
    const logits = Float32Array.from(
      labels,
      (_, at) =>
        this.#settings.logitScale * product(vector, vectors.subarray(at * dimensions, (at + 1) * dimensions))
    )
    return topLabels(logits, labels, count)
  }

  #keep(sentence: string, vector: Float32Array): void {
    this.#kept.delete(sentence)
    this.#kept.set(sentence, vector)
    if (this.#kept.size > KEPT_LABELS_MAX) this.#kept.delete(this.#kept.keys().next().value!)
  }

  async #setOf(wanted: string | undefined): Promise<LabelSet> {
    const { datasets } = this.#settings
    const names = Object.keys(datasets)
    const name = wanted ?? names[0]
    if (name === undefined || (wanted === undefined && names.length > 1)) {
      const why = names.length === 0 ? 'has no label set' : `has several label sets: ${names.join(', ')}`
      throw refused('params.labels', `The model ${why}; say which labels to choose from.`)
    }
    if (!Object.hasOwn(datasets, name)) {
      throw refused('params.dataset', `The model has no label set "${name}"; it has: ${names.join(', ')}.`)
    }
    if (this.#set?.name !== name) this.#set = { name, read: readLabelSet(datasets[name]!) }
    return await this.#set.read
  }

  async #openTower(): Promise<TextTower> {
    const { text } = this.#settings
    if (this.#textGraph === undefined || text === undefined) {
      throw refused('params.labels', 'The model reads no texts; leave the labels out to use its own.')
    }
    const { TextTower } = await import('./clip-text.ts')
    return await TextTower.open(this.#textGraph, outputOf(this.#textGraph, 'text_embeds'), text)
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

/** The first so many numbers of each, of length 1 again. */
function cut(vectors: Float32Array[], wanted: number | undefined): Float32Array[] {
  const width = vectors[0]!.length
  if (wanted === undefined || wanted === width) return vectors
  if (wanted < width) return vectors.map(vector => normalized(vector.subarray(0, wanted)))
  throw refused(
    'params.dimensions',
    `params.dimensions: the vectors of this model have ${width} numbers, not ${wanted}.`
  )
}

const refused = (field: string, message: string): InvalidInputError =>
  new InvalidInputError(message, { details: { field } })

const invalid = (reason: string): LumosError => new LumosError('MODEL_INVALID', `${reason}.`)
