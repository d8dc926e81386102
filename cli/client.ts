/**
 * The running node, as the commands see it: units over its unix socket.
 *
 * The run file says where the socket is; only a connection proves that the
 * node is there.
 */

import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { isErrorCode, LumosError } from '../interface/errors.ts'
import type { AbortOptions } from '../interface/lifecycle.ts'
import type { SnakeCase } from '../interface/snake-case.ts'
import { homePath, mustBeOurs } from '../storage/home/home-path.ts'
import { lockHolder } from '../storage/home/lock-holder.ts'
import { type RunInfo, readRunFile } from '../storage/home/run-file.ts'
import type { UnitDescription } from '../units/description.ts'
import { shellWord } from './shell-word.ts'

export interface AskOptions {
  readonly timeoutMs?: number
  readonly peer?: string
  readonly policy?: string
  readonly continuation?: 'none' | undefined
  readonly receipt?: boolean | undefined
  /** Of the trace that the call belongs to (W3C Trace Context). */
  readonly traceparent?: string | undefined
  /** Ends a stream, and the work that it comes from. */
  readonly signal?: AbortSignal
}

export interface WatchOptions {
  readonly names?: readonly string[]
  /** EPOCH-SEQUENCE, or `oldest`. */
  readonly since?: string
  readonly signal?: AbortSignal
}

export interface Meta {
  readonly request_id: string
  /** Id of the answer, where it is kept. */
  readonly answer: string | null
  readonly peer: string | null
  readonly route: 'local' | 'remote' | null
  readonly duration_ms: number
}

interface Envelope {
  readonly data: unknown
  readonly error: WireError | null
  readonly meta: Meta
}

interface WireError {
  readonly code: string
  readonly message: string
  readonly hint: string | null
  readonly details: Readonly<Record<string, unknown>>
}

export const homeOf = ({ home }: { readonly home?: string }): string => homePath(home, process.env)

/** The flag by which another process finds the same home, whatever its environment; empty for that of the platform. */
export function homeFlag(options: { readonly home?: string }): string {
  const home = homeOf(options)
  const usual = homePath(undefined, { ...process.env, LUMOS_HOME: undefined })
  return home === usual ? '' : ` --home ${shellWord(home)}`
}

/** @throws {LumosError} `NODE_NOT_RUNNING` when no node ever said where it is. */
export function findNode(options: { readonly home?: string }, as?: 'program'): NodeClient {
  const home = homeOf(options)
  const info = readRunFile(home)
  if (info === undefined) throw notRunning(home)
  return new NodeClient(info, home, as)
}

export class NodeClient {
  readonly info: RunInfo
  readonly #home: string
  readonly #headers: Readonly<Record<string, string>>

  /** @param as `program`: its calls may do what the token of the gateway opens, and not all that their user may. */
  constructor(info: RunInfo, home: string, as?: 'program') {
    this.info = info
    this.#home = home
    this.#headers = as === undefined ? {} : { 'x-lumos-as': as }
  }

  /** @typeParam Data the answer, in the names of the code. */
  async execute<Data>(
    unit: string,
    input: unknown = {},
    options: AskOptions = {}
  ): Promise<{ data: SnakeCase<Data>; meta: Meta }> {
    const request = { unit, input, options: toWire(options) }
    const response = await this.#ask('POST', '/api/v2/execute', request, options.signal, traceHeader(options))
    const { data, error, meta } = await readEnvelope(response)
    if (error !== null) throw toError(error)
    return { data: data as SnakeCase<Data>, meta }
  }

  /** The answer in pieces; its value at the end is what is known about the call. Leaving the loop cancels it. */
  async *stream(unit: string, input: unknown = {}, options: AskOptions = {}): AsyncGenerator<unknown, Meta> {
    const request = { unit, input, options: toWire(options) }
    return yield* this.#pieces(await this.#ask('POST', '/api/v2/stream', request, options.signal))
  }

  /** The whole answer, with its pieces as they come; some of them may be left out. */
  async executeInPieces(
    unit: string,
    input: unknown,
    options: AskOptions,
    onPiece: (piece: unknown) => void
  ): Promise<unknown> {
    const request = { unit, input, options: { ...toWire(options), whole: true } }
    const response = await this.#ask('POST', '/api/v2/stream', request, options.signal, traceHeader(options))
    let whole: unknown
    for await (const { event, value } of this.#events(response)) {
      if (event === 'whole') whole = value
      else onPiece(value)
    }
    return whole
  }

  /** All units of the node. */
  async units({ signal }: AbortOptions = {}): Promise<readonly UnitDescription[]> {
    const response = await this.#ask('GET', '/api/v2/units', undefined, signal)
    if (response.statusCode !== 200) throw toError((await readEnvelope(response)).error)
    return ((await json(response)) as { items: UnitDescription[] }).items
  }

  /** Begins an answer that goes on without its client. Gives its id. */
  async detached(unit: string, input: unknown = {}, options: AskOptions = {}): Promise<string> {
    const request = { unit, input, options: toWire(options) }
    const response = await this.#ask('POST', '/api/v2/stream', request, undefined, {
      'x-lumos-durable': 'true'
    })
    const id = response.headers['x-lumos-answer']
    try {
      if (response.statusCode !== 200) throw toError((await readEnvelope(response)).error)
      if (typeof id === 'string') {
        // Whether it begins at all is seen by its first piece.
        for await (const _ of this.#pieces(response)) break
        return id
      }
    } finally {
      response.destroy()
    }
    throw new LumosError('NOT_SUPPORTED', 'Only answers that come in pieces go on without their client.')
  }

  /** Events of these names and gaps, from `since` on, else from now on, until the loop is left. */
  async *watch({ names = [], since, signal }: WatchOptions): AsyncGenerator<unknown, Meta> {
    const query = new URLSearchParams()
    for (const name of names) query.append('name', name)
    if (since !== undefined) query.set('since', since)
    return yield* this.#pieces(await this.#ask('GET', `/api/v2/events?${query}`, undefined, signal))
  }

  async *#pieces(response: IncomingMessage): AsyncGenerator<unknown, Meta> {
    const events = this.#events(response)
    for (;;) {
      const next = await events.next()
      if (next.done) return next.value
      yield next.value.value
    }
  }

  async *#events(
    response: IncomingMessage
  ): AsyncGenerator<{ readonly event: string | undefined; readonly value: unknown }, Meta> {
    const { createParser } = await import('eventsource-parser')
    if (response.statusCode !== 200) throw toError((await readEnvelope(response)).error)

    const events: { event?: string; data: string }[] = []
    const parser = createParser({ onEvent: event => events.push(event) })
    response.setEncoding('utf8')
    for await (const text of response) {
      parser.feed(text)
      for (const { event, data } of events.splice(0)) {
        const value = JSON.parse(data)
        if (event === 'error') throw toError(value.error)
        if (event === 'end') return value.meta
        yield { event, value }
      }
    }
    throw new LumosError('STREAM_INTERRUPTED', 'The node went away in the middle of its answer.')
  }

  async #ask(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    signal?: AbortSignal,
    more: Readonly<Record<string, string>> = {}
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const headers = { ...this.#headers, ...(body && { 'content-type': 'application/json', ...more }) }
    // Without an agent the connection ends with the answer, and so can this process.
    request({ socketPath: this.info.socketPath, path, method, headers, signal, agent: false })
      .on('response', resolve)
      .on('error', reject)
      .end(body && JSON.stringify(body))

    return promise.catch((err: NodeJS.ErrnoException) => {
      signal?.throwIfAborted()
      const gone = err.code === 'ECONNREFUSED' || err.code === 'ENOENT'
      mustBeOurs(this.info.socketPath)
      throw gone
        ? notRunning(this.#home)
        : new LumosError('NODE_NOT_RUNNING', `The node does not answer: ${err.message}.`, { cause: err })
    })
  }
}

const toWire = ({ timeoutMs, peer, policy, continuation, receipt }: AskOptions) => ({
  ...{ timeout_ms: timeoutMs, peer, policy, continuation, receipt }
})

const traceHeader = ({ traceparent }: AskOptions): Record<string, string> =>
  traceparent === undefined ? {} : { traceparent }

const readEnvelope = async (response: IncomingMessage): Promise<Envelope> =>
  (await json(response)) as Envelope

function toError(error: WireError | null): LumosError {
  if (error === null) return new LumosError('INTERNAL', 'The node failed without saying why.')
  const code = isErrorCode(error.code) ? error.code : 'INTERNAL'
  return new LumosError(code, error.message, { hint: error.hint ?? undefined, details: error.details })
}

/** A node that holds the lock of its home is there, whatever was removed from that home. */
function notRunning(home: string): LumosError {
  const pid = lockHolder(home)
  if (pid !== undefined) {
    return new LumosError(
      'NODE_NOT_RUNNING',
      `Process ${pid} has ${home}, and cannot be reached there yet.`,
      {
        hint: `It is starting, or makes its socket again within a few seconds: try once more. To end it: lumos-node stop, or kill ${pid}`,
        details: { pid }
      }
    )
  }
  return new LumosError('NODE_NOT_RUNNING', `No node is running in ${home}.`, {
    hint: 'Start one: lumos-node start'
  })
}
