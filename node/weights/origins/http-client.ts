/**
 * HTTP to an origin. Redirects are followed within bounds; a token goes to the origin that it is for and to no other;
 * a public origin leads to no address of the own network, checked on the address that is really dialed.
 */

import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp
} from 'node:http'
import type { RequestOptions } from 'node:https'
import type { Clock } from '../../../interface/clock.ts'
import { CancelledError, ProtocolViolationError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Environment } from '../../../storage/home/home-path.ts'
import { guardedLookup, type Names } from '../../network/guarded-lookup.ts'
import { isNear } from '../../settings/near.ts'
import { originFailed } from './origin.ts'
import { REDIRECTS_MAX, redirected } from './redirect.ts'

/** No connection, no head and no byte for so long: the origin is gone. */
export const SILENCE_MS = 30_000
const REDIRECT_BYTES_MAX = 64 * 1024

export interface HttpClientOptions extends Names {
  readonly clock: Clock
  /** Of it, `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` count. */
  readonly env: Environment
  readonly ca?: string
}

export interface GetOptions extends AbortOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly token?: string | undefined
}

export interface HttpAnswer {
  /** Of the last hop. */
  readonly url: URL
  readonly status: number
  /** Whether it was asked with the token. */
  readonly withToken: boolean
  readonly headers: IncomingHttpHeaders
  /** Of the origin itself: a hub states hashes where it redirects. */
  readonly originHeaders: IncomingHttpHeaders
  /** Must be read to its end or destroyed. */
  readonly body: IncomingMessage
}

export class HttpClient {
  readonly clock: Clock
  readonly #options: HttpClientOptions
  readonly #isNear: (host: string) => boolean
  readonly #http: Agent
  #https: Promise<{ agent: Agent; request: typeof requestHttp }> | undefined
  /** By host name: whether it has led to an address of the own network. */
  readonly #near = new Map<string, boolean>()

  constructor(options: HttpClientOptions) {
    this.#options = options
    this.clock = options.clock
    this.#isNear = options.isNear ?? isNear
    this.#http = new Agent({ keepAlive: true, proxyEnv: { ...options.env } })
  }

  async close(): Promise<void> {
    this.#http.destroy()
    ;(await this.#https)?.agent.destroy()
  }

  /**
   * The answer behind all redirects, whatever its status.
   *
   * @throws {LumosError} `ORIGIN_FAILED` where there is none, `PROTOCOL_VIOLATION` for a redirect that is refused.
   */
  async get(address: string, { headers = {}, token, signal }: GetOptions = {}): Promise<HttpAnswer> {
    const origin = new URL(address)
    let url = origin
    let originHeaders: IncomingHttpHeaders | undefined
    for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
      const withToken = token !== undefined && url.origin === origin.origin
      const body = await this.#send(url, {
        mayBeNear: hop === 0 || this.#isHostNear(origin.hostname),
        headers: {
          'user-agent': 'lumos-node',
          // A body is what its hash is of: as it is stored, and no other form of it.
          'accept-encoding': 'identity',
          ...headers,
          ...(withToken && { authorization: `Bearer ${token}` })
        },
        signal
      })
      const { statusCode: status = 0 } = body
      originHeaders ??= body.headers
      if (![301, 302, 303, 307, 308].includes(status))
        return { url, status, withToken, headers: body.headers, originHeaders, body }
      // What is short is read, so that the connection serves the next request.
      if (Number(body.headers['content-length'] ?? Number.NaN) <= REDIRECT_BYTES_MAX) body.resume()
      else body.destroy()
      url = redirected(url, body.headers.location, {
        isNear: host => this.#isHostNear(host),
        mayBeNear: this.#isHostNear(origin.hostname)
      })
    }
    throw new ProtocolViolationError(`${origin.host} redirects more than ${REDIRECTS_MAX} times.`)
  }

  /** By its name, or by where it has led to: a connection that is kept is not looked up again. */
  #isHostNear(host: string): boolean {
    return this.#isNear(host) || (this.#near.get(host) ?? false)
  }

  async #send(
    url: URL,
    {
      mayBeNear,
      headers,
      signal
    }: { mayBeNear: boolean; headers: Record<string, string>; signal: AbortSignal | undefined }
  ): Promise<IncomingMessage> {
    signal?.throwIfAborted()
    const { agent, request } = await this.#transport(url)
    return await new Promise((resolve, reject) => {
      const host = url.hostname
      const onFound = (near: boolean) => void this.#near.set(host, near)
      const lookup = guardedLookup({ host, mayBeNear, onFound }, this.#options)
      const options: RequestOptions = { headers, agent, lookup }
      if (this.#options.ca !== undefined) options.ca = this.#options.ca
      const outgoing: ClientRequest = request(url, options)
      const timer = this.clock.setTimer(
        () => outgoing.destroy(new Error(`silent for ${SILENCE_MS / 1000} s`)),
        SILENCE_MS
      )
      const onAbort = () => outgoing.destroy()
      signal?.addEventListener('abort', onAbort, { once: true })
      outgoing.on('response', response => {
        timer.cancel()
        // The body ends with the signal, too.
        response.on('close', () => signal?.removeEventListener('abort', onAbort))
        resolve(response)
      })
      outgoing.on('error', (err: NodeJS.ErrnoException) => {
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
        if (signal?.aborted) reject(new CancelledError(undefined, { cause: signal.reason }))
        else reject(originFailed(`${url.host} does not answer: ${err.message || err.code}`, { cause: err }))
      })
      outgoing.end()
    })
  }

  async #transport({ protocol }: URL): Promise<{ agent: Agent; request: typeof requestHttp }> {
    if (protocol === 'http:') return { agent: this.#http, request: requestHttp }
    // Loaded when an origin is first asked over TLS.
    this.#https ??= import('node:https').then(({ Agent, request }) => ({
      agent: new Agent({ keepAlive: true, proxyEnv: { ...this.#options.env } }),
      request
    }))
    return await this.#https
  }
}
