/** Whether a model is what its description says, and whether its engine opens it. */

import { stat } from 'node:fs/promises'
import { basename, relative } from 'node:path'
import { toLumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { Engine } from '../host/engine.ts'
import { type HashOptions, hashOf } from './file-hash.ts'
import type { FoundModel } from './found-model.ts'
import { MODEL_INFO } from './strays.ts'

/** A file of a model, as it lies there now. */
export interface ModelFile {
  readonly path: string
  /** Relative to the folder of the model. */
  readonly name: string
  readonly bytes: number
  /** Changes when the file does. */
  readonly mark: string
  /** The hash that the description states. */
  readonly stated: string | undefined
}

/** The files that a model is made of besides its description. A file that is gone has no bytes. */
export async function filesOf({ folder, parts, hashes }: FoundModel): Promise<ModelFile[]> {
  return await Promise.all(
    parts
      .filter(path => basename(path) !== MODEL_INFO)
      .map(async path => {
        const stats = await stat(path).catch(() => undefined)
        const name = relative(folder, path)
        const mark = stats === undefined ? 'gone' : `${stats.ino}:${stats.size}:${stats.mtimeMs}`
        return { path, name, bytes: stats?.size ?? 0, mark, stated: hashes[name] }
      })
  )
}

/** What is wrong with this file; nothing when nothing is. */
export async function checkFile(file: ModelFile, options: HashOptions): Promise<string | undefined> {
  try {
    const hash = await hashOf(file.path, options)
    return file.stated === undefined || file.stated === hash
      ? undefined
      : `the hash of ${file.name} is not the one in model_info.json`
  } catch (err) {
    options.signal?.throwIfAborted()
    return `${file.name} is not readable: ${(err as NodeJS.ErrnoException).code ?? (err as Error).message}`
  }
}

/** Why the engine does not open its model; nothing when it does. It is closed again. */
export async function checkOpens(engine: Engine, { signal }: AbortOptions = {}): Promise<string | undefined> {
  signal?.throwIfAborted()
  const onAbort = () => void engine.close()
  signal?.addEventListener('abort', onAbort)
  try {
    await engine.load()
    return undefined
  } catch (err) {
    signal?.throwIfAborted()
    return `the engine does not open it: ${toLumosError(err).message}`
  } finally {
    signal?.removeEventListener('abort', onAbort)
    await engine.close()
  }
}
