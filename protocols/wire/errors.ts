/**
 * Errors on the wire: a code to act on, words to show, and nothing about our insides.
 *
 * What was not thrown on purpose leaves as `INTERNAL` without its message, which may
 * quote paths or prompts. What arrives is a `RemoteError`: its words are bounded and
 * stripped of anything a terminal would act on, and never parsed.
 */

import * as z from 'zod'
import { type ErrorCode, isErrorCode, RemoteError, toLumosError } from '../../interface/errors.ts'
import { decodeControl, encodeControl } from './control.ts'

const MESSAGE_CHARS_MAX = 1024
const HINT_CHARS_MAX = 256
/** Details are a few numbers and names, not a way to move data. */
const DETAILS_MAX = 16
const DETAIL_CHARS_MAX = 256

const ErrorBody = z.object({
  code: z.string().max(64),
  message: z.string().max(MESSAGE_CHARS_MAX),
  hint: z.string().max(HINT_CHARS_MAX).optional(),
  /** What is too much, or of a kind that this node does not know, is left out. */
  details: z.record(z.string(), z.unknown()).optional()
})

export function encodeError(thrown: unknown): Uint8Array<ArrayBuffer> {
  const err = toLumosError(thrown)
  if (err.code === 'INTERNAL') {
    return encodeControl({ code: err.code, message: 'The peer failed unexpectedly; its log says why.' })
  }
  const details = sendable(err.details)
  return encodeControl({
    code: err.code,
    message: printable(err.message, MESSAGE_CHARS_MAX),
    hint: err.hint === undefined ? undefined : printable(err.hint, HINT_CHARS_MAX),
    details: Object.keys(details).length > 0 ? details : undefined
  })
}

/** @throws {ProtocolViolationError} when `body` is no error body. */
export function decodeError(body: Uint8Array): RemoteError {
  const { code, message, hint, details } = decodeControl(ErrorBody, body)
  const known: ErrorCode = isErrorCode(code) ? code : 'INTERNAL'
  return new RemoteError(known, printable(message, MESSAGE_CHARS_MAX), {
    hint: hint === undefined ? undefined : printable(hint, HINT_CHARS_MAX),
    details: details === undefined ? {} : sendable(details)
  })
}

/** Control characters, and those that turn or hide text around them. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu

function printable(text: string, charsMax: number): string {
  const clean = text.toWellFormed().replace(UNPRINTABLE, ' ')
  // Cutting may split a surrogate pair.
  return clean.length > charsMax ? clean.slice(0, charsMax).toWellFormed().replace('\ufffd', '') : clean
}

function sendable(details: Readonly<Record<string, unknown>>): Record<string, number | boolean | string> {
  const kept: Record<string, number | boolean | string> = {}
  for (const [key, value] of Object.entries(details)) {
    if (Object.keys(kept).length === DETAILS_MAX) break
    if (key.length > 64 || key === '__proto__') continue
    if (typeof value === 'string') kept[printable(key, 64)] = printable(value, DETAIL_CHARS_MAX)
    else if (typeof value === 'boolean') kept[printable(key, 64)] = value
    else if (typeof value === 'number' && Number.isFinite(value)) kept[printable(key, 64)] = value
  }
  return kept
}
