/** What the names of GGUF files say: which are parts of one, and which are one model in several sizes. */

/** `name-00001-of-00003.gguf` */
const PART = /-(\d{5})-of-(\d{5})$/
/** As llama.cpp calls its kinds of weights, at the end of a name. */
const QUANT = /[-._]((?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|BF16|F16|FP16|F32|FP32))$/i
/** What a model sees with, which is no model of its own. */
const HELPER = /(?:^|[-._])mmproj(?:[-._]|$)/i
const PARTS_MAX = 1000

export interface Variant {
  /** The kind of its weights, in lower case; absent where the name does not say. */
  readonly label: string | undefined
  /** In their order. */
  readonly files: readonly string[]
}

/** Of the names of one folder: the variants of each model, by its base name. A file that lacks other parts is left out. */
export function groupFiles(names: readonly string[]): Map<string, Variant[]> {
  const models = new Map<string, Variant[]>()
  for (const name of names.toSorted()) {
    const stem = name.replace(/\.gguf$/i, '')
    const [, number] = PART.exec(stem) ?? []
    if (HELPER.test(stem) || (number !== undefined && Number(number) !== 1)) continue
    const files = partsOf(name) ?? [name]
    if (!files.every(file => names.includes(file))) continue
    const whole = stem.replace(PART, '')
    const label = QUANT.exec(whole)?.[1]?.toLowerCase()
    const base = whole.replace(QUANT, '')
    models.set(base, [...(models.get(base) ?? []), { label, files }])
  }
  return models
}

/** The names of all parts of the model that this file is one of; undefined for one that is a model by itself. */
export function partsOf(name: string): string[] | undefined {
  const stem = name.replace(/\.gguf$/i, '')
  const [, , count] = (stem !== name && PART.exec(stem)) || []
  if (count === undefined || Number(count) === 0) return undefined
  return Array.from(
    { length: Math.min(Number(count), PARTS_MAX) },
    (_, n) =>
      `${stem.replace(PART, `-${String(n + 1).padStart(5, '0')}-of-${count}`)}${name.slice(stem.length)}`
  )
}
