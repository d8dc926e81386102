/**
 * Whether files make a repository that engines can open, before it becomes one of the store: at an import, and after a
 * download. What no engine of this node reads is carried as it is.
 */

import { type FileHandle, open } from 'node:fs/promises'
import { INFO_BYTES_MAX, readGguf } from '../../../capabilities/index.ts'
import { decodeText } from '../../../interface/decode-text.ts'
import { toLumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { RepositoryParts } from '../origins/origin.ts'
import { checkModelInfo, MODEL_INFO } from './model-info.ts'
import { PROBLEMS_MAX, type Problem, problemsError } from './problem.ts'
import { checkSafetensors } from './safetensors.ts'

/** A file of a repository, wherever it lies. */
export interface PlacedFile {
  /** In the repository. */
  readonly path: string
  /** On this disk. */
  readonly place: string
}

export interface CheckOptions extends AbortOptions {
  /** What was asked for of a repository with a description; absent: all of it. */
  readonly parts?: RepositoryParts | undefined
}

/** The list of shards of the largest models has 10 MB. */
const INDEX_BYTES_MAX = 16 * 1024 * 1024
const INDEX = /\.index\.json$/

/** @throws {LumosError} `WEIGHTS_INVALID` with all problems, each with its line and column where the file is a text. */
export async function checkRepository(
  files: readonly PlacedFile[],
  { signal, parts }: CheckOptions = {}
): Promise<void> {
  const paths: ReadonlySet<string> = new Set(files.map(({ path }) => path))
  const problems: Problem[] = []
  for (const file of files) {
    signal?.throwIfAborted()
    if (problems.length < PROBLEMS_MAX) problems.push(...(await problemsOf(file, paths, parts)))
  }
  if (problems.length > 0) throw problemsError('The repository is invalid', problems)
}

async function problemsOf(
  { path, place }: PlacedFile,
  paths: ReadonlySet<string>,
  parts: RepositoryParts | undefined
): Promise<Problem[]> {
  try {
    if (/\.gguf$/i.test(path)) await readGguf(place)
    else if (path.endsWith('.safetensors')) await withFile(place, checkSafetensors)
    else if (path === MODEL_INFO) return checkModelInfo(await textOf(place, INFO_BYTES_MAX), paths, parts)
    else if (INDEX.test(path)) return shardsMissing(path, await textOf(place, INDEX_BYTES_MAX), paths)
    return []
  } catch (err) {
    return [{ file: path, message: toLumosError(err).message.replace(/\.$/, '') }]
  }
}

/** Of a model in several files, the list that says which. */
function shardsMissing(path: string, text: string, paths: ReadonlySet<string>): Problem[] {
  let map: unknown
  try {
    map = (JSON.parse(text) as { weight_map?: unknown } | null)?.weight_map
  } catch {
    return [{ file: path, message: 'it is no JSON' }]
  }
  if (typeof map !== 'object' || map === null) return []
  const folder = path.replace(/[^/]*$/, '')
  return [...new Set(Object.values(map))]
    .filter(shard => typeof shard !== 'string' || !paths.has(folder + shard))
    .slice(0, PROBLEMS_MAX)
    .map(shard => ({ file: path, message: `the file ${JSON.stringify(shard).slice(0, 120)} is not there` }))
}

const textOf = (place: string, bytesMax: number): Promise<string> =>
  withFile(place, async (file, bytes) => {
    if (bytes > bytesMax) throw new Error(`it has ${bytes} bytes; the limit is ${bytesMax}`)
    const buffer = Buffer.alloc(bytes)
    const { bytesRead } = await file.read(buffer, 0, bytes, 0)
    return decodeText(buffer.subarray(0, bytesRead))
  })

async function withFile<T>(place: string, use: (file: FileHandle, bytes: number) => Promise<T>): Promise<T> {
  await using file = await open(place, 'r')
  return await use(file, (await file.stat()).size)
}
