/** What a request looks like before its body is read, and in which form that must be. */

import type { IncomingMessage } from 'node:http'
import { LumosError } from '../interface/errors.ts'

/** What is asked before a request is answered, be it of HTTP or of gRPC. */
export type Asking = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'headersDistinct'> & {
  readonly socket: Pick<IncomingMessage['socket'], 'remoteAddress' | 'remotePort' | 'localPort'>
}

type Taken = readonly [type: RegExp, name: string]

const JSON_TYPE = /^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i
const FORM_TYPE = /^multipart\/form-data\s*;/i
/** In protobuf, which is what it means when it says no more. */
const GRPC: Taken = [/^application\/grpc(?:\+proto)?(?:\s*;|$)/i, 'application/grpc']
const BYTES_TYPE = /^application\/octet-stream$/i
/** What takes JSON with bytes behind it, too. */
const TENSOR_PATHS = /^\/v2\/models\/[^?]+\/infer(?:\?|$)/
/** What takes a form and no JSON. */
const FORM_PATHS = /^\/v1\/audio\/(?:transcriptions|translations)(?:\?|$)/

/**
 * A page of another origin can post a form without asking the browser's leave, but never JSON. Where a form is taken,
 * what was checked before this stands alone: the Origin that a browser sends with it, and the token.
 */
export function unreadable(incoming: Asking, isGrpc: boolean): LumosError | undefined {
  if (incoming.method !== 'POST') return undefined
  const [type, ...others] = valuesOf(incoming, 'content-type')
  // Clients of OpenAI cancel by a request that says nothing.
  if (type === undefined && !isGrpc && isEmpty(incoming)) return undefined
  const plain = incoming.headers['content-encoding'] === undefined
  const [wanted, name] = isGrpc ? GRPC : typeFor(incoming)
  if (type !== undefined && others.length === 0 && wanted.test(type) && plain) return undefined
  return new LumosError('MEDIA_TYPE_UNSUPPORTED', `The body must be ${name}, uncompressed.`)
}

function typeFor({ url = '', headers }: Asking): Taken {
  if (FORM_PATHS.test(url)) return [FORM_TYPE, 'multipart/form-data']
  // No page of another origin sends this type, or the header, without asking the browser's leave.
  const isBytes = TENSOR_PATHS.test(url) && headers['inference-header-content-length'] !== undefined
  return isBytes ? [BYTES_TYPE, 'application/octet-stream'] : [JSON_TYPE, 'application/json']
}

const isEmpty = ({ headers }: Asking): boolean =>
  headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'

/** Every value of a header: Node keeps only the first of some that are sent twice. */
export const valuesOf = (incoming: Asking, name: string): string[] => incoming.headersDistinct[name] ?? []
