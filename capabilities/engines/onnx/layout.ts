/** What the files that a description lists are together: which graph plays which part, and what it does. */

import { basename, extname } from 'node:path'
import { faceDetection } from '../../../interface/tasks/face-detection.ts'
import { faceVerification } from '../../../interface/tasks/face-verification.ts'
import { imageClassification } from '../../../interface/tasks/image-classification.ts'
import type { TaskName } from '../../../interface/tasks/index.ts'
import { tensor } from '../../../interface/tasks/tensor.ts'
import { textRecognition } from '../../../interface/tasks/text-recognition.ts'
import { invalid, type ModelDescription } from '../../models/description.ts'
import type { ClassifierSettings } from './classifier.ts'
import type { OnnxSettings } from './engine.ts'

export interface Layout extends Pick<OnnxSettings, 'graphs' | 'model'> {
  readonly tasks: readonly TaskName[]
  /** What else is opened. */
  readonly files: readonly string[]
}

/** Tasks of those that say only their type, as the repositories of Lumen do. */
const TASK_OF_TYPE: Readonly<Record<string, TaskName>> = {
  face: faceDetection.name,
  ocr: textRecognition.name
}

/**
 * @returns files as the description names them.
 * @throws {LumosError} `MODEL_INVALID` where one is missing, or two play one part.
 */
export function layoutOf(description: ModelDescription): Layout {
  const { runtimes, task, model_type: type } = description
  const files = runtimes.onnx?.available ? runtimes.onnx.files : []
  const meant = task ?? (Object.hasOwn(TASK_OF_TYPE, type) ? TASK_OF_TYPE[type] : undefined)
  switch (meant) {
    case textRecognition.name:
      return readerOf(files)
    case faceDetection.name:
    case faceVerification.name:
      return facesOf(files)
    default:
      return graphOf(files, description)
  }
}

/** As PP-OCR's files are called. */
function readerOf(files: readonly string[]): Layout {
  const detection = playing(files, '.onnx', /^det(ection)?$/)
  const recognition = playing(files, '.onnx', /^rec(ognition)?$/)
  const direction = playing(files, '.onnx', /^(cls|direction|classification)$/)
  const keys = playing(files, '.txt', /^(keys|dict)$/)
  if (detection === undefined || recognition === undefined || keys === undefined) {
    throw invalid(
      `${textRecognition.name} needs a graph with "det" in its name, one with "rec", and a .txt with "keys" or "dict"`
    )
  }
  const graphs = { detection, recognition, ...(direction !== undefined && { direction }) }
  return { tasks: [textRecognition.name], graphs, files: [keys], model: { form: 'reader', keys } }
}

/** As InsightFace's files are called. Others of its packs, such as for age, are passed over. */
function facesOf(files: readonly string[]): Layout {
  const detection = playing(files, '.onnx', /^(scrfd|det|detection)$/)
  const embedding = playing(files, '.onnx', /^(glintr\d+|w600k|arcface|rec|recognition|embedding)$/)
  if (detection === undefined)
    throw invalid(`${faceDetection.name} needs a graph with "scrfd" or "det" in its name`)
  const model = { form: 'faces' } as const
  return embedding === undefined
    ? { tasks: [faceDetection.name], graphs: { detection }, files: [], model }
    : {
        tasks: [faceDetection.name, faceVerification.name],
        graphs: { detection, embedding },
        files: [],
        model
      }
}

/** By the words of a name: `det` is in `ch_PP-OCRv4_det_infer.onnx`, and not in `2d106det.onnx`. */
function playing(files: readonly string[], extension: string, word: RegExp): string | undefined {
  const wordsOf = (file: string): string[] => basename(file, extension).toLowerCase().split(/[_.-]/)
  const [file, other] = files.filter(
    file => extname(file) === extension && wordsOf(file).some(part => word.test(part))
  )
  if (other !== undefined) throw invalid(`of ${file} and ${other}, one is needed`)
  return file
}

function graphOf(files: readonly string[], description: ModelDescription): Layout {
  const [graph, ...more] = files.filter(file => file.endsWith('.onnx'))
  if (graph === undefined || more.length > 0)
    throw invalid(`one ONNX graph is needed, and ${graph === undefined ? 0 : 1 + more.length} are listed`)
  const classifier = classifierSettings(description)
  return classifier === undefined
    ? { tasks: [tensor.name], graphs: { graph }, files: [], model: { form: 'graph' } }
    : { tasks: [imageClassification.name, tensor.name], graphs: { graph }, files: [], model: classifier }
}

/** What the engine needs to classify pictures, when that is the model's task. */
function classifierSettings(description: ModelDescription): ClassifierSettings | undefined {
  const { task, inputs, outputs, labels, preprocessing } = description
  if (task !== imageClassification.name) return undefined
  if (inputs.length !== 1 || outputs.length === 0 || labels === undefined || preprocessing === undefined) {
    throw invalid('image-classification needs one input, an output, labels and preprocessing')
  }

  const channels = preprocessing.color === 'gray' ? 1 : 3
  const mean = preprocessing.mean ?? Array<number>(channels).fill(0)
  const std = preprocessing.std ?? Array<number>(channels).fill(1)
  if (mean.length !== channels || std.length !== channels || std.includes(0)) {
    throw invalid(`preprocessing: mean and std need ${channels} values each, and no std of 0`)
  }
  const image = { ...preprocessing, kernel: 'linear', mean, std } as const
  return { form: 'classifier', image, labels, input: inputs[0]!.name, output: outputs[0]!.name }
}
