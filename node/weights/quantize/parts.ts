/** Of a model that is here: its files by their names in its repository, graphs apart. */

import { basename, dirname } from 'node:path'
import type { Catalogue } from '../../../capabilities/index.ts'
import { LumosError } from '../../../interface/errors.ts'
import { type ListedFile, listPath } from '../listing.ts'
import { MODEL_INFO } from '../repositories/model-info.ts'

export type FoundModel = Catalogue['found'][number]

/** Each of these lies where the repository begins. */
const ROOTS = [MODEL_INFO, 'config.json']
const GRAPH = '.onnx'

export interface Parts {
  readonly graphs: readonly ListedFile[]
  readonly others: readonly ListedFile[]
}

/** @throws {LumosError} `NOT_SUPPORTED` for a model that is no ONNX graph. */
export async function partsOf(model: FoundModel): Promise<Parts> {
  const { id, engine, parts, folder } = model
  if (!parts.some(path => path.endsWith(GRAPH)))
    throw new LumosError(
      'NOT_SUPPORTED',
      `"${id}" is opened by ${engine}, and only ONNX graphs are quantised.`,
      {
        ...(engine === 'llama-cpp' && {
          hint: 'Models of GGUF come in sizes: pull one of another, such as hf:OWNER/NAME:q8_0.'
        })
      }
    )
  const own = new Set(parts)
  const { files } = await listPath(folder)
  // A hub keeps a repository below the folder, and its files by their hashes beside it.
  const isOwn = ({ path, source }: ListedFile): boolean => own.has(source) || basename(path) === MODEL_INFO
  const root = files.find(file => ROOTS.includes(basename(file.path)) && isOwn(file))
  const prefix = root === undefined || dirname(root.path) === '.' ? '' : `${dirname(root.path)}/`
  const listed = files
    .filter(file => file.path.startsWith(prefix) && isOwn(file))
    .map(file => ({ ...file, path: file.path.slice(prefix.length) }))
  const isGraph = ({ path }: ListedFile): boolean => path.endsWith(GRAPH)
  return { graphs: listed.filter(isGraph), others: listed.filter(file => !isGraph(file)) }
}
