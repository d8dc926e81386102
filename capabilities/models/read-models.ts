/** Models on disk: each kind of engine looks at a folder in turn, and the first that finds its own there serves them. */

import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { ENGINE_KINDS } from '../engines/index.ts'
import { invalid, readDescription } from './description.ts'
import type { FoundModel } from './found-model.ts'
import { repositoryOf } from './model-paths.ts'
import { MODEL_INFO, whyNoDescription } from './strays.ts'

/**
 * The models in `directory`: at least one.
 *
 * @throws {LumosError} `MODEL_INVALID`, saying what is wrong.
 */
export async function readModels(path: string): Promise<readonly FoundModel[]> {
  const own = await realpath(path)
  const description = await readDescription(path)
  const directory = {
    ...{ path, own, description },
    folder: await repositoryOf(own),
    name: description?.name ?? basename(path),
    entries: await readdir(own)
  }
  for (const kind of ENGINE_KINDS) {
    const found = await kind.find(directory)
    if (found.length > 0) return await Promise.all(found.map(withFiles))
  }
  if (description === undefined) throw invalid(await whyNoDescription(path))
  throw invalid(`no engine of this node opens what ${join(basename(path), MODEL_INFO)} describes`)
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
