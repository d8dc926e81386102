/** What a CLIP model does once pictures and texts are vectors of one space: what belongs together lies near. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskParams } from '../../../interface/tasks/index.ts'
import type { Doing } from '../doing.ts'
import { type LabelSet, readLabelSet } from './label-set.ts'
import { type Scored, topLabels } from './scores.ts'
import { answerOf, normalized, product } from './vectors.ts'

/** Vectors of labels that were asked about lately: thousands of pictures are asked about the same ones. */
const KEPT_LABELS_MAX = 4096

export interface LabelSettings {
  /** The sentence that a label is put into, at `{}`. */
  readonly prompt: string
  /** What the product of two vectors is multiplied by before labels compete. */
  readonly logitScale: number
  /** Label sets by name: files, relative to the working directory. */
  readonly datasets: Readonly<Record<string, string>>
}

/** What turns pictures and texts into vectors of length 1. */
export interface Towers {
  picture(image: Uint8Array, options: AbortOptions): Promise<Float32Array>
  /** Absent: the model reads no texts. */
  texts?(
    texts: readonly string[],
    options: AbortOptions
  ): Promise<{ readonly vectors: Float32Array[]; readonly inputTokens: number }>
}

export function clipTasks(towers: Towers, settings: LabelSettings): Doing {
  const chooser = new Chooser(towers, settings)
  return {
    ...pictureVectors(towers),
    'feature-extraction': async ({ texts }, { dimensions }, options) => {
      const { vectors, inputTokens } = await chooser.texts(texts, options)
      return { output: answerOf(cut(vectors, dimensions)), inputTokens }
    },
    'zero-shot-image-classification': async ({ image }, params, options) => {
      const set = await chooser.labels(params, options)
      const vector = await towers.picture(image, options)
      return { output: { labels: chooser.compared(vector, set, params.topK) } }
    }
  }
}

export const pictureVectors = ({ picture }: Pick<Towers, 'picture'>): Doing => ({
  'image-feature-extraction': async ({ images }, _, options) => {
    const ended = new AbortController()
    const signal = AbortSignal.any([ended.signal, ...(options.signal === undefined ? [] : [options.signal])])
    try {
      const vectors = await Promise.all(images.map(image => picture(image, { signal })))
      return { output: answerOf(vectors) }
    } finally {
      // Where one of them fails, the others are not looked at.
      ended.abort()
    }
  }
})

class Chooser {
  readonly #towers: Towers
  readonly #settings: LabelSettings
  /** The one that was asked for last. */
  #set: { readonly name: string; readonly read: Promise<LabelSet> } | undefined
  /** By the sentence; the one used last comes last. */
  readonly #kept = new Map<string, Float32Array>()

  constructor(towers: Towers, settings: LabelSettings) {
    this.#towers = towers
    this.#settings = settings
  }

  async texts(texts: readonly string[], options: AbortOptions) {
    if (this.#towers.texts !== undefined) return await this.#towers.texts(texts, options)
    throw refused('params.labels', 'The model reads no texts; leave the labels out to use its own.')
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
