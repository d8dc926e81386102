/** Models of several graphs whose parts are told apart by the names of their files: text and faces. */

import { basename, extname } from 'node:path'
import { faceDetection } from '../../../interface/tasks/face-detection.ts'
import { faceVerification } from '../../../interface/tasks/face-verification.ts'
import type { TaskName } from '../../../interface/tasks/index.ts'
import { textRecognition } from '../../../interface/tasks/text-recognition.ts'
import { invalid, type ModelDescription } from '../../models/description.ts'
import type { ModelSettings } from './engine.ts'

/** All files are relative to the folder of the model. */
export interface Described {
  readonly tasks: readonly TaskName[]
  /** By what each is for. */
  readonly graphs: Readonly<Record<string, string>>
  /** What else is opened. */
  readonly files: readonly string[]
  /** Its form, with files as `place` has them. */
  settings(place: (file: string) => string): ModelSettings
}

/** Tasks of those that say only their type, as the repositories of Lumen do. */
const TASK_OF_TYPE: Readonly<Record<string, TaskName>> = {
  face: faceDetection.name,
  ocr: textRecognition.name
}

/**
 * @returns undefined where the description means another form.
 * @throws {LumosError} `MODEL_INVALID` where one is missing, or two play one part.
 */
export function severalIn(description: ModelDescription): Described | undefined {
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
      return undefined
  }
}

/** As PP-OCR's files are called. */
function readerOf(files: readonly string[]): Described {
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
  return {
    ...{ tasks: [textRecognition.name], graphs, files: [keys] },
    settings: place => ({ form: 'reader', keys: place(keys) })
  }
}

/** As InsightFace's files are called. Others of its packs, such as for age, are passed over. */
function facesOf(files: readonly string[]): Described {
  const detection = playing(files, '.onnx', /^(scrfd|det|detection)$/)
  const embedding = playing(files, '.onnx', /^(glintr\d+|w600k|arcface|rec|recognition|embedding)$/)
  if (detection === undefined)
    throw invalid(`${faceDetection.name} needs a graph with "scrfd" or "det" in its name`)
  const compares = embedding !== undefined
  return {
    tasks: compares ? [faceDetection.name, faceVerification.name] : [faceDetection.name],
    graphs: { detection, ...(compares && { embedding }) },
    files: [],
    settings: () => ({ form: 'faces' })
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
