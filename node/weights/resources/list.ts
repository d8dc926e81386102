/** What lies in a cache of Lumen: the repositories of a folder, each with what its description says and what is there. */

import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { INFO_BYTES_MAX } from '../../../capabilities/index.ts'
import { decodeText } from '../../../interface/decode-text.ts'
import { InvalidInputError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { checkModelInfo, MODEL_INFO } from '../repositories/model-info.ts'
import { problemText } from '../repositories/problem.ts'

/** A wrong path may be a folder of anything. */
const FOLDERS_MAX = 1024
const FILES_MAX = 4096

/** A cache has what its configuration asked for, which is not known here. */
const NOTHING_ASKED = { folders: [], datasets: [] }

export interface ListedResource {
  /** The folder's. */
  readonly name: string
  readonly path: string
  readonly version: string | null
  readonly modelType: string | null
  /** Those that are there in whole or in part: `onnx`, `rknn/rk3588`. */
  readonly runtimes: readonly string[]
  readonly datasets: readonly string[]
  readonly bytes: number
  /** Empty where nothing is wrong. */
  readonly problems: readonly string[]
}

/**
 * @param directory a cache, which holds its repositories in `models`, or that folder itself.
 * @throws {InvalidInputError} where there is no such folder.
 */
export async function listResources(
  directory: string,
  { signal }: AbortOptions = {}
): Promise<ListedResource[]> {
  const own = await foldersOf(directory)
  const root = own.includes('models') ? join(directory, 'models') : directory
  const names = root === directory ? own : await foldersOf(root)
  const resources: ListedResource[] = []
  for (const name of names.slice(0, FOLDERS_MAX)) {
    signal?.throwIfAborted()
    resources.push(await resourceAt(join(root, name), name))
  }
  return resources
}

async function foldersOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((err: NodeJS.ErrnoException) => {
    throw new InvalidInputError(`The folder ${path} is not readable: ${err.code}.`)
  })
  return entries
    .filter(entry => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort()
}

async function resourceAt(path: string, name: string): Promise<ListedResource> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const files = entries
    .filter(entry => entry.isFile())
    .slice(0, FILES_MAX)
    .map(entry => join(entry.parentPath, entry.name).slice(path.length + 1))
  let bytes = 0
  for (const file of files) bytes += (await stat(join(path, file))).size
  const plain = files.map(file => file.replaceAll('\\', '/'))
  const folders = plain.map(file => /^(?:torch|onnx|rknn\/[^/]+)(?=\/)/.exec(file)?.[0]).filter(Boolean)
  const { text, problems } = await infoOf(join(path, MODEL_INFO), new Set(plain))
  return {
    ...{ name, path, bytes, problems },
    ...namesIn(text),
    runtimes: [...new Set(folders as string[])].sort(),
    datasets: plain.filter(file => /^[^/]+\.npz$/.test(file)).map(file => file.replace(/\.npz$/, ''))
  }
}

async function infoOf(
  path: string,
  files: ReadonlySet<string>
): Promise<{ text: string; problems: string[] }> {
  try {
    if ((await stat(path)).size > INFO_BYTES_MAX) throw new Error(`it has more than ${INFO_BYTES_MAX} bytes`)
    const text = decodeText(await readFile(path))
    return { text, problems: checkModelInfo(text, files, NOTHING_ASKED).map(problemText) }
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    return { text: '', problems: [`${MODEL_INFO}: ${code === 'ENOENT' ? 'it is missing' : message}`] }
  }
}

function namesIn(text: string): Pick<ListedResource, 'version' | 'modelType'> {
  let info: unknown
  try {
    info = JSON.parse(text)
  } catch {
    // It is among the problems.
  }
  const { version, model_type } = (info ?? {}) as Record<string, unknown>
  const textOf = (value: unknown) => (typeof value === 'string' ? value : null)
  return { version: textOf(version), modelType: textOf(model_type) }
}
