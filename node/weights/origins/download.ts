/**
 * A file of an origin into a partial file of the store: only leaves that are missing are asked for, so that a download
 * goes on after a cut or a restart, and takes what peers have brought meanwhile.
 */

import { createHash } from 'node:crypto'
import type { Random } from '../../../interface/clock.ts'
import { LumosError, ProtocolViolationError, toLumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { LEAF_BYTES } from '../../../interface/weights.ts'
import type { PartialFile } from '../../../storage/weights/types.ts'
import { partsOf, refusalOf, refuseEncoding } from './answer.ts'
import type { HttpAnswer, HttpClient } from './http-client.ts'
import { type OriginFile, originFailed, weightsInvalid } from './origin.ts'
import { retrying } from './retry.ts'

/** A leaf that takes longer comes at less than 4 KB/s: another connection may be better. */
const LEAF_MS = 5 * 60_000

export interface DownloadOptions extends AbortOptions {
  readonly client: HttpClient
  readonly random: Random
  readonly token?: string | undefined
  /** The SHA-256 of a leaf, where the mesh knows it: a leaf that came wrong is then asked for again alone. */
  digestOf?(leaf: number): Uint8Array | undefined
  /** Called for each leaf that was written. */
  onBytes?(bytes: number): void
}

/** What a download needs of the file that comes. */
export type LeafTarget = Pick<PartialFile, 'bytes' | 'leaves' | 'has' | 'write' | 'read' | 'discard'>

/** Leaves that are missing, side by side. */
interface Run {
  readonly first: number
  /** Not among them. */
  readonly end: number
}

/**
 * Resolves when all leaves are there; whether they are the right ones, `finish` of the partial says.
 *
 * @throws {LumosError} `ORIGIN_CHANGED` where the origin has another file by now: what came is of no use.
 */
export async function download(
  partial: LeafTarget,
  file: OriginFile,
  options: DownloadOptions
): Promise<void> {
  const { client, random, signal } = options
  await retrying(
    async progress => {
      for (let run = nextRun(partial); run !== undefined; run = nextRun(partial)) {
        await fetchRun(partial, file, run, {
          ...options,
          onBytes(bytes) {
            progress()
            options.onBytes?.(bytes)
          }
        })
      }
    },
    { clock: client.clock, random, ...(signal && { signal }) }
  )
  if (file.gitSha1 !== undefined && file.sha256 === undefined) await checkGit(partial, file)
}

function nextRun(partial: LeafTarget): Run | undefined {
  let first = 0
  while (first < partial.leaves && partial.has(first)) first++
  let end = first
  while (end < partial.leaves && !partial.has(end)) end++
  return first === end ? undefined : { first, end }
}

async function fetchRun(
  partial: LeafTarget,
  file: OriginFile,
  run: Run,
  options: DownloadOptions
): Promise<void> {
  const { client, token, signal } = options
  if (partial.bytes === 0) return await partial.write(0, new Uint8Array())
  const from = run.first * LEAF_BYTES
  const end = Math.min(run.end * LEAF_BYTES, partial.bytes)
  const isWhole = from === 0 && end === partial.bytes
  const answer = await client.get(file.url, {
    headers: isWhole
      ? {}
      : {
          range: `bytes=${from}-${end - 1}`,
          ...(file.version !== undefined && { 'if-range': file.version })
        },
    token,
    ...(signal && { signal })
  })
  const begin = beginOf(answer, file, isWhole ? undefined : from, client)
  const sink = new LeafSink(partial, run, options)
  const { clock } = client
  let at = begin
  let late = clock.setTimer(() => answer.body.destroy(new Error('it is too slow')), LEAF_MS)
  try {
    for await (const part of partsOf(answer.body, { clock, signal })) {
      // A server that knows no ranges sends all of it again.
      const skipped = Math.min(part.byteLength, Math.max(0, from - at))
      at += part.byteLength
      const went = await sink.take(part.subarray(skipped))
      if (went === 'done') break
      if (went === 'on') continue
      late.cancel()
      late = clock.setTimer(() => answer.body.destroy(new Error('it is too slow')), LEAF_MS)
    }
  } finally {
    late.cancel()
  }
  if (sink.wrong.length > 0)
    throw originFailed(
      `${answer.url.host} sent ${file.path} with wrong bytes from ${sink.wrong[0]! * LEAF_BYTES} on`
    )
  if (!sink.isDone) throw originFailed(`${answer.url.host} ended ${file.path} after ${at} of ${end} bytes`)
}

/** Where the body begins in the file. */
function beginOf(answer: HttpAnswer, file: OriginFile, from: number | undefined, client: HttpClient): number {
  const { status, headers, url, body } = answer
  // The file is shorter than it was listed.
  if (status === 416) throw changed(answer, file)
  if (status !== 200 && status !== 206) throw refusalOf(answer, file.path, client.clock)
  refuseEncoding(answer)
  const version = versionOf(answer)
  if (file.sha256 === undefined && file.version !== undefined && version !== file.version)
    throw changed(answer, file)
  const length = headers['content-length']
  if (status === 200) {
    if (length !== undefined && Number(length) !== file.bytes) throw changed(answer, file)
    if (length === undefined && file.sha256 === undefined && file.gitSha1 === undefined) {
      body.destroy()
      throw new ProtocolViolationError(`${url.host} does not say how long ${file.path} is.`)
    }
    return 0
  }
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? []
  if (from === undefined || first === undefined || Number(first) !== from) {
    body.destroy()
    throw new ProtocolViolationError(`${url.host} sends another range of ${file.path} than was asked for.`)
  }
  if (total !== '*' && Number(total) !== file.bytes) throw changed(answer, file)
  return from
}

/** What tells one state of a file from another: a strong ETag, else its date. */
export function versionOf({ headers }: Pick<HttpAnswer, 'headers'>): string | undefined {
  const { etag } = headers
  return etag?.startsWith('"') ? etag : headers['last-modified']
}

function changed({ url, body }: HttpAnswer, { path }: OriginFile): LumosError {
  body.destroy()
  return new LumosError('ORIGIN_CHANGED', `${url.host} has another ${path} than it listed.`, {
    hint: 'Pull it again: the new one is listed then.'
  })
}

/** Cuts a body into leaves. */
class LeafSink {
  readonly wrong: number[] = []
  readonly #partial: LeafTarget
  readonly #options: DownloadOptions
  readonly #end: number
  #leaf: number
  #buffer: Uint8Array
  #filled = 0

  constructor(partial: LeafTarget, { first, end }: Run, options: DownloadOptions) {
    this.#partial = partial
    this.#options = options
    this.#leaf = first
    this.#end = end
    this.#buffer = this.#empty()
  }

  get isDone(): boolean {
    // A peer has brought the next leaf: the runs are counted anew.
    return this.#leaf >= this.#end || (this.#filled === 0 && this.#partial.has(this.#leaf))
  }

  /** `done`: nothing more is wanted of this body, however long it is. */
  async take(part: Uint8Array): Promise<'done' | 'leaf' | 'on'> {
    let went: 'leaf' | 'on' = 'on'
    for (let at = 0; at < part.byteLength && !this.isDone; ) {
      const taken = part.subarray(at, at + this.#buffer.byteLength - this.#filled)
      this.#buffer.set(taken, this.#filled)
      this.#filled += taken.byteLength
      at += taken.byteLength
      if (this.#filled < this.#buffer.byteLength) break
      await this.#write()
      went = 'leaf'
    }
    return this.isDone ? 'done' : went
  }

  async #write(): Promise<void> {
    const leaf = this.#leaf++
    const bytes = this.#buffer
    this.#filled = 0
    this.#buffer = this.#empty()
    const { digestOf, onBytes } = this.#options
    if (this.#partial.has(leaf)) return
    const digest = digestOf?.(leaf)
    try {
      await this.#partial.write(leaf, bytes, digest)
    } catch (err) {
      if (digest === undefined || toLumosError(err).code !== 'WEIGHTS_INVALID') throw err
      this.wrong.push(leaf)
      return
    }
    onBytes?.(bytes.byteLength)
  }

  #empty(): Uint8Array {
    if (this.#leaf >= this.#end) return new Uint8Array()
    return new Uint8Array(Math.min(LEAF_BYTES, this.#partial.bytes - this.#leaf * LEAF_BYTES))
  }
}

/** Small files of Git have no SHA-256, but their name in Git. Read leaf by leaf, so that other work goes on between. */
async function checkGit(partial: LeafTarget, { path, gitSha1 }: OriginFile): Promise<void> {
  const hash = createHash('sha1').update(`blob ${partial.bytes}\0`)
  for (let leaf = 0; leaf < partial.leaves; leaf++) hash.update(await partial.read(leaf))
  if (hash.digest('hex') === gitSha1) return
  await partial.discard()
  throw weightsInvalid(`${path} is not what the hub lists: its hash is another`)
}
