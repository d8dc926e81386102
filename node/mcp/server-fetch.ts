/**
 * The requests of one MCP server elsewhere. The server names others, where the owner signs in. Those are asked by TLS, and
 * are none of the own network, unless the owner has named them or the server is there itself.
 */

import { Readable } from 'node:stream'
import { LumosError } from '../../interface/errors.ts'
import { guardedLookup, type Names } from '../network/guarded-lookup.ts'
import { isNear as isNearHost } from '../settings/near.ts'
import { RESULT_CHARS_MAX } from './said.ts'

/** A message is a result with its frame. */
export const MESSAGE_BYTES_MAX = 2 * RESULT_CHARS_MAX
/** An answer of a server where the owner signs in: no byte for so long, and it is gone. */
const SILENCE_MS = 30_000
/** Of an address, in words. */
const SHOWN_CHARS_MAX = 256

export interface Network extends Names {
  /** Certificates that count beside those of the system. */
  readonly ca?: string
}

/** @param issuer of the settings: the owner means it, wherever it is. */
export function fetchFor(server: URL, issuer: string | undefined, network: Network = {}): typeof fetch {
  const { isNear = isNearHost } = network
  const meant = new Set([server, ...(issuer === undefined ? [] : [new URL(issuer)])].map(url => url.hostname))
  return async (address, init) => {
    const wanted = new URL(address instanceof Request ? address.url : address)
    const { hostname, protocol, origin } = wanted
    const isOwn = hostname === server.hostname
    // Without TLS a name proves nothing: at another port it may mean any program of the own network.
    const mayBePlain = origin === server.origin || (isOwn && server.protocol === 'http:' && isNear(hostname))
    if (protocol !== 'https:' && !mayBePlain)
      throw new LumosError('TOOL_FAILED', `The server sends this node to ${shown(origin)}, without TLS.`)
    // A redirect would take the token elsewhere.
    if (isOwn) return bounded(await fetch(address, { ...init, redirect: 'error' }))
    const mayBeNear = meant.has(hostname) || isNear(server.hostname)
    if (!mayBeNear && isNear(hostname))
      throw new LumosError(
        'TOOL_FAILED',
        `The server sends this node to ${shown(origin)}, in its own network.`
      )
    return bounded(await askElsewhere(new Request(address, init), mayBeNear, network))
  }
}

async function askElsewhere(asked: Request, mayBeNear: boolean, network: Network): Promise<Response> {
  const [{ request }, body] = await Promise.all([import('node:https'), asked.text()])
  const url = new URL(asked.url)
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  const outgoing = request(url, {
    method: asked.method,
    headers: { ...Object.fromEntries(asked.headers), 'accept-encoding': 'identity' },
    lookup: guardedLookup({ host: url.hostname, mayBeNear }, network),
    signal: asked.signal,
    timeout: SILENCE_MS,
    agent: false,
    ...(network.ca !== undefined && { ca: network.ca })
  })
  outgoing.on('timeout', () => outgoing.destroy(new Error('it is silent')))
  outgoing.on('error', cause =>
    reject(
      new LumosError('TOOL_FAILED', `${shown(url.host)} does not answer: ${shown(cause.message)}.`, { cause })
    )
  )
  outgoing.on('response', response => {
    const { statusCode: status = 0, headers } = response
    if (headers.location !== undefined && status >= 300 && status < 400) {
      outgoing.destroy(new Error('it redirects'))
      return
    }
    const isEmpty = status < 200 || status === 204 || status === 205 || status === 304
    const known = Object.entries(headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one): [string, string] => [name, one])
    )
    if (isEmpty) response.resume()
    resolve(
      new Response(isEmpty ? null : (Readable.toWeb(response) as ReadableStream<Uint8Array>), {
        status,
        headers: known
      })
    )
  })
  outgoing.end(body)
  return promise
}

/** The server writes the addresses, which have any length. */
const shown = (text: string): string => text.slice(0, SHOWN_CHARS_MAX)

/** A server may send without end, and its answer is read whole. */
function bounded(response: Response): Response {
  let bytes = 0
  const counted = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength
        if (bytes <= MESSAGE_BYTES_MAX) controller.enqueue(chunk)
        else
          controller.error(
            new LumosError('TOOL_FAILED', `The server sent more than ${MESSAGE_BYTES_MAX} bytes.`)
          )
      }
    })
  )
  return new Response(counted, response)
}
