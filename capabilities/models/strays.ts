/** Entries of a model folder that are no model in the form that a node serves: what to say of each. */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The description of a model, in its folder. */
export const MODEL_INFO = 'model_info.json'
/** What systems and archive programs leave behind. */
const LEFTOVERS: ReadonlySet<string> = new Set([
  '__MACOSX',
  '$RECYCLE.BIN',
  'System Volume Information',
  'lost+found'
])
const UNFINISHED = /\.(?:part|partial|crdownload|download|incomplete|aria2|tmp)$/i
const FOREIGN = /\.(ggml|safetensors|pt|pth|ckpt|bin|tflite|rknn|mlmodel)$/i
const GRAPH = /\.onnx$/i
/** A look into a folder is for a sentence; it reads no more names than this. */
const NAMES_MAX = 256
const FORM = `a model is a folder with a ${MODEL_INFO} and an ONNX graph`

/** Of a folder that is none of the forms of a model. */
const NOTHING = `it holds no model: neither a .gguf file, nor config.json with onnx/, nor ${MODEL_INFO}`

/** One file that is a model by itself. */
export const isModelFile = (file: string): boolean => /\.gguf$/i.test(file) && !isIgnored(file)

/** Whether nothing is said of it: hidden, or not put there by a person. */
export const isIgnored = (name: string): boolean => name.startsWith('.') || LEFTOVERS.has(name)

/** Why a file beside the folders of models is not served; undefined for one that no person takes for a model. */
export function whyNoModel(file: string): string | undefined {
  if (UNFINISHED.test(file)) return 'its download is not complete'
  const format = FOREIGN.exec(file)?.[1]
  if (format !== undefined) return `no engine of this node reads .${format.toLowerCase()} files; ${FORM}`
  return GRAPH.test(file) ? `it needs a folder of its own: ${FORM}` : undefined
}

/** Why a folder without a description is not served. */
export async function whyNoDescription(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter(name => !isIgnored(name)).slice(0, NAMES_MAX)
  for (const name of names) {
    const inside = await readdir(join(folder, name)).catch((): string[] => [])
    if (inside.includes(MODEL_INFO)) {
      return `it has no ${MODEL_INFO}, and models inside: add this folder to models.directories`
    }
  }
  const stray = names
    .filter(name => !GRAPH.test(name))
    .map(whyNoModel)
    .find(why => why !== undefined)
  if (stray !== undefined) return `it has no ${MODEL_INFO}; ${stray}`
  return names.some(name => GRAPH.test(name)) ? `it has no ${MODEL_INFO}` : NOTHING
}
