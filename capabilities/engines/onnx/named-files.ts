/** Which part a file plays, by the words of its name: `det` in `ch_PP-OCRv4_det_infer.onnx`, and not in `2d106det.onnx`. */

import { basename, extname } from 'node:path'
import { invalid } from '../../models/description.ts'

/** @throws {LumosError} `MODEL_INVALID` where two files have such a word. */
export function onlyFile(files: readonly string[], word: RegExp, extension: string): string | undefined {
  const [file, other] = files.filter(
    path =>
      extname(path) === extension &&
      basename(path, extension)
        .toLowerCase()
        .split(/[_.-]/)
        .some(part => word.test(part))
  )
  if (other !== undefined) throw invalid(`${file} and ${other} are listed, and one of them is needed`)
  return file
}
