/** Which of a repository's ONNX files is opened: the same model is there in several number formats. */

import { invalid } from '../../models/description.ts'

/**
 * Number formats as transformers.js names them, each with what it adds to the name of a file, the best for a processor
 * first. Eight bits take a quarter of the memory and half the time of full numbers, and hardly change an answer.
 * Numbers of sixteen bits come last, because a processor turns each of them into a full one first.
 */
const FORMATS = [
  ['q8', '_quantized'],
  ['int8', '_int8'],
  ['uint8', '_uint8'],
  ['q4', '_q4'],
  ['fp32', ''],
  ['bnb4', '_bnb4'],
  ['fp16', '_fp16'],
  ['q4f16', '_q4f16']
] as const
/** What exports call the whole graph; the second is the name in repositories of earlier years. */
const GRAPHS = ['model', 'decoder_model_merged'] as const
/** Weights of a graph above 2 GB lie in files beside it; a few of them hold any model of today. */
const DATA_FILES_MAX = 64

/** Graphs that are one model together. */
const TOGETHER = [
  ['encoder_model', 'decoder_model_merged'],
  ['vision_model', 'text_model']
] as const

export interface Weights {
  readonly dtype: (typeof FORMATS)[number][0]
  /** The graph's name without its format. */
  readonly graph: string
  /** All files of these weights, in the folder `onnx`: the graph first. */
  readonly files: readonly string[]
}

/**
 * The best of the weights among these files of the folder `onnx`.
 *
 * @throws {LumosError} `MODEL_INVALID` when none of them is a whole model.
 */
export function chooseWeights(names: readonly string[]): Weights {
  for (const graph of GRAPHS) {
    const weights = weightsOf(graph, names)
    if (weights !== undefined) return weights
  }
  const found = names.filter(name => name.endsWith('.onnx'))
  throw invalid(
    found.length === 0
      ? 'the folder onnx holds no ONNX graph'
      : `the folder onnx holds ${found.slice(0, 4).join(', ')}, and a text model needs model.onnx, or one of its formats such as model_quantized.onnx`
  )
}

/**
 * Files of all graphs that are opened: several where they are one model together.
 *
 * @throws {LumosError} `MODEL_INVALID` when none of them is a whole model.
 */
export function chooseGraphs(names: readonly string[]): readonly string[] {
  for (const graphs of TOGETHER) {
    const all = graphs.map(graph => weightsOf(graph, names)?.files)
    if (all.every(files => files !== undefined)) return all.flat()
  }
  return chooseWeights(names).files
}

/** The best of this graph's weights; undefined where there are none. */
export function weightsOf(graph: string, names: readonly string[]): Weights | undefined {
  for (const [dtype, suffix] of FORMATS) {
    const file = `${graph}${suffix}.onnx`
    if (names.includes(file)) return { dtype, graph, files: [file, ...dataOf(file, names)] }
  }
  return undefined
}

/** Files beside a graph with its weights: `model.onnx_data`, `model.onnx_data_1` and so on. */
function dataOf(graph: string, names: readonly string[]): string[] {
  const data: string[] = []
  for (let part = 0; part < DATA_FILES_MAX; part++) {
    const name = part === 0 ? `${graph}_data` : `${graph}_data_${part}`
    if (!names.includes(name)) break
    data.push(name)
  }
  return data
}
