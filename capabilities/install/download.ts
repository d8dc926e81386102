/** One archive of a package: what an earlier try has left is kept, and only the rest is asked for. Its hash decides. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, open, rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Clock, Timer } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'

/** No byte for this long: the registry is gone. */
const SILENCE_MS = 30_000

export interface Archive {
  /** For people: name and version. */
  readonly title: string
  readonly bytes: number
  /** `sha512-` and base64, as registries state it. */
  readonly integrity: string
}

export interface DownloadOptions extends AbortOptions {
  /** Asks a server; passed in, as all of the network is. */
  readonly fetch: typeof fetch
  readonly clock: Clock
  onBytes(bytes: number): void
}

/** Whether `file` is that archive, whole. */
async function isArchive(file: string, { bytes, integrity }: Archive): Promise<boolean> {
  if ((await sizeOf(file)) !== bytes) return false
  const hash = createHash('sha512')
  await pipeline(createReadStream(file), hash)
  return `sha512-${hash.digest('base64')}` === integrity
}

/** @throws {LumosError} `ENGINE_FAILED` when the copy is another archive. */
export async function copyArchive(from: string, file: string, archive: Archive): Promise<void> {
  if (!(await isArchive(from, archive)))
    throw failed(`${from} is missing, or is not ${archive.title}: its hash is another`)
  await copyFile(from, file)
}

/**
 * Goes on where it was cut, as long as each try brings some bytes.
 *
 * @throws {LumosError} `ENGINE_FAILED`, saying what came; what came stays where it may be the first part.
 */
export async function download(
  url: string,
  file: string,
  archive: Archive,
  options: DownloadOptions
): Promise<void> {
  const kept = Math.min(await sizeOf(file), archive.bytes)
  options.onBytes(kept)
  for (let at = kept; at < archive.bytes; ) {
    const failure = await fetchRest(url, file, archive, at, options)
    const now = await sizeOf(file)
    if (failure !== undefined && now <= at) throw failure
    at = now
  }
  options.signal?.throwIfAborted()
  if (await isArchive(file, archive)) return
  await rm(file, { force: true })
  throw failed(`What came from ${hostOf(url)} is not ${archive.title}: its hash is another`)
}

/** @returns what cut it; nothing when all has come. */
async function fetchRest(
  url: string,
  file: string,
  { title, bytes }: Archive,
  kept: number,
  { fetch, clock, onBytes, signal }: DownloadOptions
): Promise<LumosError | undefined> {
  const silence = new AbortController()
  const arm = (): Timer => clock.setTimer(() => silence.abort(), SILENCE_MS)
  let patience = arm()
  try {
    const response = await fetch(url, {
      ...(kept > 0 && { headers: { range: `bytes=${kept}-` } }),
      signal: signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal])
    })
    // What was kept is longer than what the server has.
    if (response.status === 416) await rm(file, { force: true })
    if (!response.ok || response.body === null)
      return failed(`${hostOf(url)} has no ${title}: status ${response.status}`)
    // A server that knows no ranges sends all of it again.
    const resumed = response.status === 206
    let at = resumed ? kept : 0
    if (!resumed) onBytes(-kept)
    await using target = await open(file, resumed ? 'r+' : 'w')
    for await (const chunk of response.body) {
      patience.cancel()
      patience = arm()
      if (at + chunk.byteLength > bytes)
        return failed(`${hostOf(url)} sends more than the ${bytes} bytes of ${title}`)
      await target.write(chunk, 0, chunk.byteLength, at)
      at += chunk.byteLength
      onBytes(chunk.byteLength)
    }
    return at < bytes
      ? failed(`${hostOf(url)} ended after ${at} of the ${bytes} bytes of ${title}`)
      : undefined
  } catch (err) {
    signal?.throwIfAborted()
    const { message, cause } = err as Error
    const why = silence.signal.aborted ? `silent for ${SILENCE_MS / 1000} s` : reasonOf(cause) || message
    return failed(`${title} cannot be had of ${hostOf(url)}: ${why}`)
  } finally {
    patience.cancel()
  }
}

/** What `fetch` hides behind "fetch failed". */
const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : '')

const hostOf = (url: string): string => new URL(url).host

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0
  )

const failed = (what: string): LumosError =>
  new LumosError('ENGINE_FAILED', `${what}.`, { hint: 'Run the same again: what has come is kept.' })
