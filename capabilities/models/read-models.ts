/** Models on disk: each kind of engine looks at a folder in turn, and the first that finds its own there serves them. */

import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { ModelId } from '../../interface/names.ts'
import { ENGINE_KINDS } from '../engines/index.ts'
import { invalid, readDescription } from './description.ts'
import type { EnginesHere, FoundModel, ModelDirectory } from './found-model.ts'
import { repositoryOf } from './model-paths.ts'
import { MODEL_INFO, whyNoDescription } from './strays.ts'

/** Of a program that installs none. */
const NO_ENGINES: EnginesHere = { get: () => undefined, isStopped: () => false }

/**
 * The models in the folder `path`, or in that file: at least one.
 *
 * @param stored the folder is in a store of weights: the model is called as the folder is, whatever its files say.
 * @throws {LumosError} `MODEL_INVALID`, saying what is wrong.
 */
export async function readModels(
  path: string,
  engines = NO_ENGINES,
  stored = false
): Promise<readonly FoundModel[]> {
  const isFolder = (await stat(path)).isDirectory()
  const directory = await (isFolder ? folderAt(path, engines, stored) : fileAt(path, engines))
  for (const kind of ENGINE_KINDS) {
    const found = await kind.find(directory)
    if (found.length === 0) continue
    if (engines.isStopped(kind.name))
      throw invalid(`its engine is stopped; it goes on with: lumos-node engine start ${kind.name}`)
    for (const id of found.flatMap(({ id, aliases = [] }) => [id, ...aliases])) {
      const { error } = ModelId.safeParse(id)
      if (error) throw invalid(`"${id}" cannot be the name of a model: ${error.issues[0]!.message}`)
    }
    const all = await Promise.all(found.map(withFiles))
    return stored ? all.map(one => ({ ...one, stored })) : all
  }
  if (directory.description === undefined) throw invalid(await whyNoDescription(path))
  throw invalid(`no engine of this node opens what ${join(basename(path), MODEL_INFO)} describes`)
}

/** Changes with what is installed: a model that cannot be opened may be then. */
export const markOfEngines = (engines = NO_ENGINES): string =>
  ENGINE_KINDS.map(({ name }) =>
    [engines.get(name)?.mark, engines.isStopped(name), engines.obstacle?.(name)].join()
  ).join(' ')

async function folderAt(path: string, engines: EnginesHere, stored: boolean): Promise<ModelDirectory> {
  const own = await realpath(path)
  const read = await readDescription(path)
  const folder = await repositoryOf(own)
  const called = decodedName(basename(path))
  const description = read && { ...read, name: stored ? called : read.name }
  const name = description?.name ?? called
  return { path, own, folder, name, description, entries: await readdir(own), engines }
}

/** A folder cannot be called `org/model`, and `org%2Fmodel` stands for it; no name of a model has a `%`. */
function decodedName(folder: string): string {
  try {
    return decodeURIComponent(folder)
  } catch {
    return folder
  }
}

/** A file by itself: what lies beside it is none of its business, and may be another's. */
async function fileAt(path: string, engines: EnginesHere): Promise<ModelDirectory> {
  const own = await realpath(dirname(path))
  const name = basename(path, extname(path))
  return { path, own, folder: own, name, description: undefined, entries: [basename(path)], engines }
}

/** Forms that weights come in. */
const FORMATS: ReadonlySet<string> = new Set(['gguf', 'onnx'])

async function withFiles(found: FoundModel): Promise<FoundModel> {
  const sizes = await Promise.all(found.parts.map(async path => (await stat(path)).size))
  return {
    ...found,
    format: found.parts.map(path => extname(path).slice(1)).find(format => FORMATS.has(format)),
    fileBytes: sizes.reduce((sum, bytes) => sum + bytes, 0)
  }
}
