/**
 * A file of an origin into a partial file of the store: only leaves that are missing are asked for, so that a download
 * goes on after a cut or a restart, and takes what peers have brought meanwhile.
 */

import { createHash } from 'node:crypto'
import type { Random } from '../../../interface/clock.ts'
import { LumosError, ProtocolViolationError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { LEAF_BYTES } from '../../../interface/weights.ts'
import { partsOf, refusalOf, refuseEncoding } from './answer.ts'
import type { HttpAnswer, HttpClient } from './http-client.ts'
import { LeafSink, type LeafSinkOptions, type LeafTarget, nextRun, type Run } from './leaf-sink.ts'
import { type OriginFile, originFailed, weightsInvalid } from './origin.ts'
import { retrying } from './retry.ts'

/** A leaf that takes longer comes at less than 4 KB/s: another connection may be better. */
const LEAF_MS = 5 * 60_000

export interface DownloadOptions extends AbortOptions, LeafSinkOptions {
  readonly client: HttpClient
  readonly random: Random
  readonly token?: string | undefined
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

/** Small files of Git have no SHA-256, but their name in Git. Read leaf by leaf, so that other work goes on between. */
async function checkGit(partial: LeafTarget, { path, gitSha1 }: OriginFile): Promise<void> {
  const hash = createHash('sha1').update(`blob ${partial.bytes}\0`)
  for (let leaf = 0; leaf < partial.leaves; leaf++) hash.update(await partial.read(leaf))
  if (hash.digest('hex') === gitSha1) return
  await partial.discard()
  throw weightsInvalid(`${path} is not what the hub lists: its hash is another`)
}
