/**
 * Pages of other origins, which may use `/v1` where the settings list them: their browser wants to be told so, before a
 * request and with each answer, refusals too. A page still shows the token, and no cookie is ever taken from it.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { isListed, type TcpAccess, wrongPlace } from './access.ts'

/** What a page may read of an answer. */
const EXPOSED =
  'x-request-id, request-id, x-lumos-peer, x-lumos-route, x-lumos-answer, x-should-retry, retry-after'
/** Names of headers that a page wants to send, such as those by which the clients of OpenAI describe themselves. */
const HEADER_NAMES = /^[\w, -]{1,2048}$/
/** A browser asks again after ten minutes, so that an origin that is listed no more is noticed. */
const PREFLIGHT_AGE_S = 600

/** Writes what the browser wants to know. True when that was all that it asked. */
export function allowOrigin(incoming: IncomingMessage, outgoing: ServerResponse, access: TcpAccess): boolean {
  if (!isListed(incoming, access)) return false
  const { method, headers } = incoming
  outgoing.setHeader('access-control-allow-origin', headers.origin!)
  outgoing.setHeader('access-control-expose-headers', EXPOSED)
  outgoing.setHeader('vary', 'origin')
  if (method !== 'OPTIONS' || wrongPlace(incoming, access) !== undefined) return false

  const wanted = headers['access-control-request-headers'] ?? ''
  outgoing.setHeader('access-control-allow-methods', 'GET, POST, DELETE')
  outgoing.setHeader(
    'access-control-allow-headers',
    HEADER_NAMES.test(wanted) ? wanted : 'authorization, content-type'
  )
  outgoing.setHeader('access-control-max-age', PREFLIGHT_AGE_S)
  // A page of the internet asks for a device at home only with this.
  if (headers['access-control-request-private-network'] === 'true')
    outgoing.setHeader('access-control-allow-private-network', 'true')
  outgoing.writeHead(204).end()
  return true
}
