/** How a call ends: the status of gRPC for each error, and the error itself beside it. */

import { ERROR_MEANINGS, type LumosError } from '../../interface/errors.ts'
import { errorBody } from '../envelope.ts'
import { statusMessage } from './messages.ts'

const INTERNAL = 13
/** By the status that the same error has over HTTP. */
const BY_HTTP: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  404: 5, // NOT_FOUND
  409: 10, // ABORTED
  413: 3,
  415: 3,
  423: 9, // FAILED_PRECONDITION
  429: 8, // RESOURCE_EXHAUSTED
  499: 1, // CANCELLED
  500: INTERNAL,
  501: 12, // UNIMPLEMENTED
  502: 14, // UNAVAILABLE
  503: 14,
  504: 4, // DEADLINE_EXCEEDED
  507: 8
}

/** Clients in C and Java take 8 KiB of headers in all. Base64 makes four bytes of three, and percent signs nine of a sign. */
const DETAIL_BYTES_MAX = 2048
const MESSAGE_CHARS_MAX = 400

export const OK_TRAILERS = { 'grpc-status': '0' } as const

function statusOf({ code, retryable }: LumosError): number {
  // gRPC says so of a method that is not there.
  if (code === 'ROUTE_NOT_FOUND') return BY_HTTP[501]!
  const { status } = ERROR_MEANINGS[code]
  // Clients send a call again that was UNAVAILABLE.
  if (status === 502 && !retryable) return INTERNAL
  return BY_HTTP[status] ?? INTERNAL
}

export function trailersOf(error: LumosError): Record<string, string> {
  const status = statusOf(error)
  const message = error.message.slice(0, MESSAGE_CHARS_MAX)
  const body = errorBody(error)
  const whole = statusMessage(status, message, body)
  const bounded =
    whole.length <= DETAIL_BYTES_MAX
      ? whole
      : statusMessage(status, '', { ...body, message, hint: null, details: {} })
  return {
    'grpc-status': String(status),
    'grpc-message': percentEncoded(message),
    // Binary metadata has no padding.
    'grpc-status-details-bin': bounded.toString('base64').replace(/=+$/, '')
  }
}

/** All bytes but printable ASCII, and `%`. */
const percentEncoded = (text: string): string =>
  [...Buffer.from(text)]
    .map(byte =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    )
    .join('')
