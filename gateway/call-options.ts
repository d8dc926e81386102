/** How a client wants a call to be kept: under its idempotency key, or to be asked for later. */

import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { InvalidInputError } from '../interface/errors.ts'
import type { AppEnv } from './app-env.ts'
import type { Asking } from './asking-form.ts'
import { jsonPieces, nextPiece } from './json-answer.ts'

/** Printable, without blanks; a UUID is the usual one. */
export const KEY = /^[!-~]{1,255}$/
const KEY_HEADER = 'idempotency-key'

export interface KeepingOptions {
  readonly async?: boolean | undefined
  readonly idempotency_key?: string | undefined
}

export interface Keeping {
  readonly key: string | undefined
  /** The answer is asked for later. */
  readonly isAsync: boolean
}

/** @throws {InvalidInputError} where header and options name two keys, or what is no key. */
export function keepingOf(c: Context<AppEnv>, options: KeepingOptions = {}): Keeping {
  const key = keyOf(c.env.incoming, options.idempotency_key)
  const prefers = /(?:^|,)\s*respond-async\s*(?:$|[,;])/i.test(c.req.header('prefer') ?? '')
  return { key, isAsync: options.async ?? prefers }
}

/**
 * The idempotency key of a request, in its header or beside its input.
 *
 * @throws {InvalidInputError} where two are named, or what is no key.
 */
export function keyOf(
  { headersDistinct }: Pick<Asking, 'headersDistinct'>,
  option?: string
): string | undefined {
  const keys = new Set([...(headersDistinct[KEY_HEADER] ?? []), ...(option === undefined ? [] : [option])])
  const [key] = keys
  if (keys.size > 1) throw new InvalidInputError('The request names two idempotency keys.')
  if (key !== undefined && !KEY.test(key))
    throw new InvalidInputError(
      'An idempotency key is 1 to 255 printable characters of ASCII without blanks.'
    )
  return key
}

export const inPieces = (): InvalidInputError =>
  new InvalidInputError('An answer in pieces takes no idempotency key, and does not come later.', {
    hint: 'Come back to it by its id: GET /api/v2/answers/ID/stream'
  })

/** The answer is that of an earlier request with the same key. */
export const REPLAYED = { 'idempotency-replayed': 'true' }

/** Of what was asked, in turns: an input may be large. */
export async function fingerprintOf(asked: unknown): Promise<string> {
  const hash = createHash('sha256')
  const pieces = jsonPieces(asked)
  for (;;) {
    const piece = await nextPiece(pieces)
    if (piece === undefined) return hash.digest('base64')
    hash.update(piece)
  }
}
