/**
 * Which files of a repository are taken. Hubs keep one model in many forms side by side; what is taken is the form that
 * an engine of this device opens best, with what belongs to it. docs/weights.md has the rule in words.
 */

import { basename, dirname } from 'node:path/posix'
import { chooseGraphs, groupFiles, type Variant } from '../../../capabilities/index.ts'
import { InvalidInputError } from '../../../interface/errors.ts'
import { closestNames } from '../../../interface/suggest.ts'
import type { Entry } from './listing.ts'
import type { RepositoryParts } from './origin.ts'

/** Of the memory of a device, as the engine of GGUF files counts it. */
const MEMORY_SHARE = 0.7
/** Four to six bits hardly change an answer; more take memory, fewer take sense. */
const VARIANTS = [
  'q4_k_m',
  'ud-q4_k_xl',
  'q5_k_m',
  'q4_k_s',
  'iq4_xs',
  'iq4_nl',
  'q4_0',
  'q6_k',
  'q8_0',
  'q3_k_m',
  'q2_k'
]
const INFO = 'model_info.json'
const RUNTIME = /^(?:torch|onnx|rknn)(?:\/|$)/
const WEIGHTS =
  /\.(?:gguf|onnx|onnx_data(?:_\d+)?|safetensors|bin|pt|pth|ckpt|msgpack|h5|tflite|mlmodel|mlpackage|npz|ot|rknn|pb|pkl|xml)$/i
/** What is read beside weights: settings, vocabularies, templates, and under which terms they are given. */
const BESIDE =
  /(?:\.(?:json|txt|model|jinja|tiktoken|py|yaml|yml)|(?:^|\/)(?:README\.md|LICEN[CS]E[^/]*|NOTICE[^/]*|USE_POLICY\.md))$/i
const HIDDEN = /(?:^|\/)\./
/** Settings of others' forms, and what training leaves behind. */
const OTHERS = /^(?:openvino|coreml|tf|flax|original|metal|runs|logs|checkpoint-\d+|global_step\d+)\//i
const SHOWN_MAX = 12

export interface Wanted {
  /** A file of the repository, or the label of a variant such as `q8_0`. */
  readonly file?: string | undefined
  readonly all?: boolean | undefined
  readonly parts?: RepositoryParts | undefined
  readonly memoryBytes: number
}

/** @throws {InvalidInputError} where the file is not there, or the person must say which model is meant. */
export function chooseFiles<E extends Entry>(entries: readonly E[], wanted: Wanted): E[] {
  const { file, all = false, parts } = wanted
  if (all) return [...entries]
  const seen = entries.filter(({ path }) => !HIDDEN.test(path))
  const names = seen.map(({ path }) => path)
  if (file !== undefined) return among(seen, named(names, file))
  if (names.includes(INFO)) return parts === undefined ? seen : among(seen, ofParts(names, parts))
  if (names.some(isGguf)) return among(seen, [...ggufOf(seen, wanted), ...terms(names)])
  const beside = names.filter(name => BESIDE.test(name) && !WEIGHTS.test(name) && !OTHERS.test(name))
  const graphs = names.filter(name => /^onnx\/[^/]+$/.test(name)).map(name => basename(name))
  if (names.includes('config.json') && graphs.some(name => name.endsWith('.onnx')))
    return among(seen, [...beside, ...graphsOf(graphs)])
  const weights = names.filter(name => WEIGHTS.test(name) && !OTHERS.test(name))
  const safe = weights.filter(name => name.endsWith('.safetensors'))
  return among(seen, [...beside, ...(safe.length > 0 ? safe : weights)])
}

/** @throws {InvalidInputError} naming the part that the repository does not have. */
function ofParts(names: readonly string[], { folders, datasets }: RepositoryParts): string[] {
  const files = datasets.map(dataset => `${dataset}.npz`)
  for (const folder of folders)
    if (!names.some(name => name.startsWith(`${folder}/`)))
      throw new InvalidInputError(`The repository has no files for ${folder}.`, {
        hint: `It has ${list([...new Set(names.map(name => dirname(name)).filter(name => RUNTIME.test(name)))])}.`
      })
  const missing = files.find(file => !names.includes(file))
  if (missing !== undefined) throw new InvalidInputError(`The repository has no dataset ${missing}.`)
  return names.filter(name => {
    if (name.endsWith('.npz')) return files.includes(name)
    return !RUNTIME.test(name) || folders.some(folder => name.startsWith(`${folder}/`))
  })
}

const isGguf = (name: string): boolean => /\.gguf$/i.test(name)

const among = <E extends Entry>(entries: readonly E[], names: readonly string[]): E[] =>
  entries.filter(({ path }) => names.includes(path))

const terms = (names: readonly string[]): string[] =>
  names.filter(name => /^(?:LICEN[CS]E|NOTICE)[^/]*$/i.test(name))

/** The graphs that the engine opens; where it opens none, all of them are carried. */
function graphsOf(graphs: readonly string[]): string[] {
  let files: readonly string[]
  try {
    files = chooseGraphs(graphs)
  } catch {
    files = graphs
  }
  return files.map(name => `onnx/${name}`)
}

/** One file by its path, with all its parts and what belongs to it; or a variant by its label. */
function named(names: readonly string[], file: string): string[] {
  const label = file.toLowerCase()
  const variants = variantsOf(names).flatMap(({ variants }) => variants)
  const byFile = variants.find(({ files }) => files.includes(file))
  if (byFile !== undefined) return [...byFile.files, ...terms(names)]
  if (names.includes(file)) {
    const data = names.filter(name => name.startsWith(`${file}_data`))
    const settings = names.filter(name => !name.includes('/') && BESIDE.test(name) && !WEIGHTS.test(name))
    const pooling = names.filter(name => /^1_Pooling\/[^/]+\.json$/.test(name))
    return [file, ...data, ...(file.endsWith('.onnx') ? [...settings, ...pooling] : terms(names))]
  }
  const byLabel = variants.filter(variant => variant.label === label)
  if (byLabel.length === 1) return [...byLabel[0]!.files, ...terms(names)]
  const known = [...variants.map(variant => variant.label ?? variant.files[0]!), ...names]
  const close = closestNames(file, known)
  throw new InvalidInputError(`The repository has no file "${file}".`, {
    hint: close.length > 0 ? `Did you mean ${close.join(' or ')}?` : `It has ${list(known)}.`
  })
}

interface GgufModel {
  readonly base: string
  readonly variants: readonly Variant[]
}

/** By folder: parts and variants of a model lie side by side, or each variant in a folder of its own. */
function variantsOf(names: readonly string[]): GgufModel[] {
  const folders = Map.groupBy(names.filter(isGguf), name => dirname(name))
  const models = new Map<string, Variant[]>()
  for (const [folder, files] of folders) {
    const at = folder === '.' ? '' : `${folder}/`
    for (const [base, variants] of groupFiles(files.map(name => basename(name)))) {
      const placed = variants.map(({ label, files }) => ({ label, files: files.map(name => at + name) }))
      models.set(base, [...(models.get(base) ?? []), ...placed])
    }
  }
  return [...models].map(([base, variants]) => ({ base, variants }))
}

function ggufOf(entries: readonly Entry[], { memoryBytes }: Wanted): readonly string[] {
  const models = variantsOf(entries.map(({ path }) => path))
  const all = models.flatMap(({ variants }) => variants)
  if (all.length === 0)
    throw new InvalidInputError('The repository has GGUF files, and no model among them is whole.')
  if (models.length > 1)
    throw new InvalidInputError(
      `The repository has ${models.length} models. Give the file of one after a colon.`,
      {
        hint: `It has ${list(all.map(({ files }) => files[0]!))}.`
      }
    )
  const sizes = new Map(entries.map(({ path, bytes }) => [path, bytes]))
  const sizeOf = ({ files }: Variant) => files.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0)
  const fits = all.filter(variant => sizeOf(variant) <= memoryBytes * MEMORY_SHARE)
  const smallest = all.toSorted((a, b) => sizeOf(a) - sizeOf(b))[0]!
  const liked = VARIANTS.map(label => fits.find(variant => variant.label === label)).find(Boolean)
  const largest = fits.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0]
  return (liked ?? largest ?? smallest).files
}

const list = (names: readonly string[]): string =>
  names.length > SHOWN_MAX
    ? `${names.slice(0, SHOWN_MAX).join(', ')} and ${names.length - SHOWN_MAX} more`
    : names.join(', ')
