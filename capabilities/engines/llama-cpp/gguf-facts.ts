/** What the head of a GGUF file means for serving it. */

import type { TaskName } from '../../../interface/tasks/index.ts'
import type { GgufHead, GgufValue } from './gguf.ts'
import type { Recommended } from './sampling.ts'

/** As GGUF numbers how a model makes one vector of many. */
const POOLING_RANK = 4
/** Read a text from both ends, and write none. */
const ENCODERS =
  /^(?:bert|nomic-bert|nomic-bert-moe|jina-bert-v2|jina-bert-v3|modern-bert|neo-bert|t5encoder|eurobert|gemma-embedding)$/
/** Pictures and speech, for models that take them. */
const HELPERS = /^(?:clip|mmproj|whisper|wavtokenizer-dec)$/
const CACHE_BYTES = 2
/** Of layers, heads and their width: files state others to make memory look free. */
const SIZE_MAX = 2 ** 31

export interface GgufFacts {
  readonly task: TaskName
  readonly architecture: string
  readonly parameters: number
  /** Of training; absent where the file does not say. */
  readonly contextTokens: number | undefined
  /** What the context takes for each token. */
  readonly tokenBytes: number
  /** The model's own, in Jinja. */
  readonly template: string | undefined
  /** What its makers recommend. */
  readonly recommended: Recommended
}

/** The architecture that an adapter is made for; undefined for a file that is none. */
export function adapterOf({ values }: GgufHead): { readonly architecture: string } | undefined {
  if (values.get('general.type') !== 'adapter' || values.get('adapter.type') !== 'lora') return undefined
  return { architecture: textOf(values.get('general.architecture')) ?? '' }
}

/** Undefined for a file that is no model of its own. */
export function factsOf({ values, parameters }: GgufHead): GgufFacts | undefined {
  const architecture = textOf(values.get('general.architecture')) ?? ''
  const kind = textOf(values.get('general.type')) ?? 'model'
  if (kind !== 'model' || HELPERS.test(architecture)) return undefined
  const own = (key: string): number | undefined => sizeOf(values.get(`${architecture}.${key}`))
  const recommended = (key: string): number | undefined => numberOf(values.get(`general.sampling.${key}`))
  const heads = own('attention.head_count') ?? 1
  const width = own('embedding_length') ?? 0
  const cacheHeads = own('attention.head_count_kv') ?? heads
  const keys = own('attention.key_length') ?? width / heads
  const contextTokens = own('context_length')
  return {
    task: taskOf(architecture, own('pooling_type')),
    architecture,
    parameters,
    contextTokens,
    tokenBytes: 2 * CACHE_BYTES * cacheHeads * keys * (own('block_count') ?? 1),
    template: textOf(values.get('tokenizer.chat_template')),
    recommended: {
      temperature: recommended('temp'),
      topP: recommended('top_p'),
      topK: recommended('top_k'),
      minP: recommended('min_p')
    }
  }
}

function taskOf(architecture: string, pooling: number | undefined): TaskName {
  if (pooling === POOLING_RANK) return 'text-ranking'
  // 0 means that it makes none.
  return ENCODERS.test(architecture) || (pooling ?? 0) > 0 ? 'feature-extraction' : 'text-generation'
}

const sizeOf = (value: GgufValue | undefined): number | undefined =>
  typeof value === 'number' && value >= 1 && value < SIZE_MAX ? Math.floor(value) : undefined

const textOf = (value: GgufValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined

const numberOf = (value: GgufValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined
