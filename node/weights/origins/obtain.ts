/** A file of an origin in the store: resumed, checked, and begun again where its hash is wrong. */

import { createHash } from 'node:crypto'
import { toLumosError } from '../../../interface/errors.ts'
import type { StoredFile, WeightStore } from '../../../storage/weights/types.ts'
import { type DownloadOptions, download } from './download.ts'
import type { LeafTarget } from './leaf-sink.ts'
import type { OriginFile } from './origin.ts'

/** What was damaged on its way comes right the second time; an origin that sends it again lies. */
const ATTEMPTS_MAX = 2

/** Of the partial file: the content where its hash is known, else this state of this address. */
export const keyOf = ({ sha256, url, gitSha1, version = '', bytes }: OriginFile): string =>
  sha256 ??
  createHash('sha256')
    .update(JSON.stringify([url, gitSha1 ?? version, bytes]))
    .digest('hex')

/** Whether what an earlier process has left is of the same file, as far as its origin can say. */
const isKnown = ({ sha256, gitSha1, version }: OriginFile): boolean =>
  (sha256 ?? gitSha1 ?? version) !== undefined

export interface ObtainOptions extends DownloadOptions {
  /** In place of HTTP. */
  fetch?(target: LeafTarget): Promise<void>
  /** Called once, with the bytes that were there before. */
  onKept?(bytes: number): void
  /** Whether a file of the store may become part of this model: a listing that names its hash proves no right to it. */
  mayReuse?(stored: StoredFile): boolean
}

/** @throws {LumosError} `WEIGHTS_INVALID` for wrong bytes, `ORIGIN_CHANGED`, and what `download` and the store throw. */
export async function obtainFile(
  store: Pick<WeightStore, 'file' | 'partial'>,
  file: OriginFile,
  options: ObtainOptions
): Promise<StoredFile> {
  const expected = file.sha256 === undefined ? {} : { sha256: file.sha256 }
  for (let attempt = 1; ; attempt++) {
    const stored = file.sha256 === undefined ? undefined : store.file(file.sha256)
    if (stored !== undefined && options.mayReuse?.(stored) !== false) {
      options.onKept?.(stored.bytes)
      return stored
    }
    let partial = await store.partial(keyOf(file), file.bytes, options)
    if (!isKnown(file) && partial.bytesHave > 0) {
      await partial.discard()
      partial = await store.partial(keyOf(file), file.bytes, options)
    }
    if (attempt === 1) options.onKept?.(partial.bytesHave)
    try {
      if (options.fetch === undefined) await download(partial, file, options)
      else await options.fetch(partial)
      return await partial.finish(expected, options.signal ? { signal: options.signal } : {})
    } catch (thrown) {
      const err = toLumosError(thrown)
      const isWrong = err.code === 'WEIGHTS_INVALID'
      if (err.code === 'ORIGIN_CHANGED') await partial.discard()
      // Another caller, the next attempt too, waits for it. One that was wrong as a whole is closed already.
      else await partial.close()
      if (!isWrong || attempt === ATTEMPTS_MAX) throw err
    }
  }
}
