/** What a CLIP model does once pictures and texts are vectors of one space: what belongs together lies near. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskParams } from '../../../interface/tasks/index.ts'
import type { Doing } from '../doing.ts'
import { turn } from '../turn.ts'
import { dimensionsOf, normalized, product } from '../vectors.ts'
import { Gate } from './gate.ts'
import { type LabelSet, readLabelSet } from './label-set.ts'
import { type Scored, topLabels } from './scores.ts'
import { answerOf } from './vectors.ts'

/** Vectors of labels that were asked about lately: thousands of pictures are asked about the same ones. */
const KEPT_LABELS_MAX = 4096
/** Label sets in memory: each may be as large as its archive allows. */
const KEPT_SETS_MAX = 2
/** Numbers that are multiplied in one turn: a few milliseconds. */
const TURN_NUMBERS = 4 * 1024 * 1024

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

export function clipTasks(towers: Towers, settings: LabelSettings, read = readLabelSet): Doing {
  const chooser = new Chooser(towers, settings, read)
  return {
    ...pictureVectors(towers),
    'feature-extraction': async ({ texts }, { dimensions }, options) => {
      const { vectors, inputTokens } = await chooser.texts(texts, options)
      return { output: answerOf(cut(vectors, dimensions)), inputTokens }
    },
    'zero-shot-image-classification': async ({ image }, params, options) => {
      const set = await chooser.labels(params, options)
      const vector = await towers.picture(image, options)
      return { output: { labels: await chooser.compared(vector, set, params.topK, options) } }
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
  /** By name; the one used last comes last. */
  readonly #sets = new Map<string, Promise<LabelSet>>()
  /** One archive is unpacked at a time. */
  readonly #reading = new Gate(1)
  /** By the sentence; the one used last comes last. */
  readonly #kept = new Map<string, Float32Array>()

  readonly #read: typeof readLabelSet

  constructor(towers: Towers, settings: LabelSettings, read: typeof readLabelSet) {
    this.#towers = towers
    this.#settings = settings
    this.#read = read
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
    // What is kept may be gone once the others are there: other requests bring theirs.
    const own = new Map(sentences.map(sentence => [sentence, this.#kept.get(sentence)!]))
    const { vectors } = missing.length === 0 ? { vectors: [] } : await this.texts(missing, options)
    for (const [at, sentence] of missing.entries()) own.set(sentence, vectors[at]!)
    const found = sentences.map(sentence => own.get(sentence)!)
    for (const [at, sentence] of sentences.entries()) this.#keep(sentence, found[at]!)
    const dimensions = found[0]!.length
    const all = new Float32Array(dimensions * found.length)
    for (const [at, vector] of found.entries()) all.set(vector, at * dimensions)
    return { labels, dimensions, vectors: all }
  }

  async compared(
    vector: Float32Array,
    { labels, dimensions, vectors }: LabelSet,
    count: number,
    { signal }: AbortOptions
  ): Promise<Scored[]> {
    if (dimensions !== vector.length) {
      throw invalid(`Labels have vectors of ${dimensions} numbers, and pictures of ${vector.length}`)
    }
    const logits = new Float32Array(labels.length)
    const perTurn = Math.max(1, Math.floor(TURN_NUMBERS / dimensions))
    for (let at = 0; at < labels.length; at++) {
      if (at > 0 && at % perTurn === 0) await turn(signal)
      const label = vectors.subarray(at * dimensions, (at + 1) * dimensions)
      logits[at] = this.#settings.logitScale * product(vector, label)
    }
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
    const read = this.#sets.get(name) ?? this.#reading.through(() => this.#read(datasets[name]!))
    this.#sets.delete(name)
    this.#sets.set(name, read)
    if (this.#sets.size > KEPT_SETS_MAX) this.#sets.delete(this.#sets.keys().next().value!)
    try {
      return await read
    } catch (err) {
      // The file may be whole at the next request.
      if (this.#sets.get(name) === read) this.#sets.delete(name)
      throw err
    }
  }
}

/** The first so many numbers of each, of length 1 again. */
function cut(vectors: Float32Array[], wanted: number | undefined): Float32Array[] {
  const width = vectors[0]!.length
  const dimensions = dimensionsOf(width, wanted)
  return dimensions === width ? vectors : vectors.map(vector => normalized(vector.subarray(0, dimensions)))
}

const refused = (field: string, message: string): InvalidInputError =>
  new InvalidInputError(message, { details: { field } })

const invalid = (reason: string): LumosError => new LumosError('MODEL_INVALID', `${reason}.`)
