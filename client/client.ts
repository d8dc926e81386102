/** A node, as any program reaches it: its units, typed by their names. */

import { envelopeOf, metaIn, mustBeOk, parsed, traceHeader, wireOptions } from './envelope.ts'
import { CutError, LumosClientError } from './errors.ts'
import { type PatchStep, patched } from './patch.ts'
import { errorIn, type ResumeOptions, resumed } from './resume.ts'
import { eventsOf, type SseEvent } from './sse.ts'
import { type Ask, overFetch, overSocket, type Reply, type Transport } from './transport.ts'
import type {
  AnswerOptions,
  Args,
  AttachOptions,
  CallOptions,
  ClientOptions,
  EventOptions,
  Known,
  Meta,
  StreamOptions,
  UnitDescription,
  WatchOptions
} from './types.ts'
import type { Units } from './units.generated.ts'
import { systemWait } from './wait.ts'

const LOOPBACK = 'http://127.0.0.1:5866'
/** A node answers by itself when the time of a call is over. The client waits this long for that. */
const GRACE_MS = 5_000

export const createClient = <U extends Known<U> = Units>(options: ClientOptions = {}): LumosClient<U> =>
  new LumosClient<U>(options)

export class LumosClient<U extends Known<U> = Units> {
  readonly #transport: Transport
  readonly #headers: Readonly<Record<string, string>>

  constructor({ url, token, fetch = globalThis.fetch, socket, as }: ClientOptions) {
    this.#transport = socket === undefined ? overFetch(url ?? defaultUrl(), fetch) : overSocket(socket)
    this.#headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(as !== undefined && { 'x-lumos-as': as })
    }
  }

  /** @throws {LumosClientError} */
  async execute<N extends keyof U & string>(
    unit: N,
    ...args: Args<U[N]['input'], CallOptions>
  ): Promise<U[N]['output']> {
    return (await this.call(unit, ...args)).data
  }

  /** The same, with what is known about the call. */
  async call<N extends keyof U & string>(
    unit: N,
    ...[input, options = {}]: Args<U[N]['input'], CallOptions>
  ): Promise<{ data: U[N]['output']; meta: Meta }> {
    const over = new AbortController()
    const { timeoutMs, signal } = options
    const ends =
      timeoutMs === undefined ? signal : AbortSignal.any([over.signal, ...(signal ? [signal] : [])])
    const answered = new AbortController()
    if (timeoutMs !== undefined) {
      const message = `The node did not answer within ${timeoutMs} ms.`
      systemWait(timeoutMs + GRACE_MS, answered.signal).then(() =>
        over.abort(new LumosClientError('TIMEOUT', message))
      )
    }
    try {
      const body = { unit, input, options: wireOptions(options) }
      const answer = options.onPiece
        ? await this.#inPieces(body, ends, options)
        : await envelopeOf(await this.#post('/api/v2/execute', body, ends, traceHeader(options)))
      return answer as { data: U[N]['output']; meta: Meta }
    } finally {
      answered.abort()
    }
  }

  async #inPieces(
    { options, ...body }: { options: object },
    signal: AbortSignal | undefined,
    given: CallOptions
  ): Promise<{ data: unknown; meta: Meta }> {
    const asked = { ...body, options: { ...options, whole: true } }
    const reply = await this.#post('/api/v2/stream', asked, signal, traceHeader(given))
    await mustBeOk(reply)
    let data: unknown
    for await (const event of eventsOf(reply)) {
      if (event.event === 'end') return { data, meta: metaIn(event) }
      if (event.event === 'error') throw errorIn(event)
      if (event.event === 'whole') data = event.data
      else given.onPiece?.(event.data)
    }
    throw new CutError()
  }

  /**
   * The answer in pieces; the value at the end is what is known about the call. Leaving the loop ends the work.
   *
   * @throws {LumosClientError} `STREAM_INTERRUPTED` also where the connection ends and the stream is not durable.
   */
  async *stream<N extends keyof U & string>(
    unit: N,
    ...[input, options = {}]: Args<U[N]['input'], StreamOptions>
  ): AsyncGenerator<U[N]['item'], Meta> {
    const body = { unit, input, options: wireOptions(options) }
    const more = { ...traceHeader(options), ...(options.durable && { 'x-lumos-durable': 'true' }) }
    const reply = await this.#post('/api/v2/stream', body, options.signal, more)
    await mustBeOk(reply)
    const answer = reply.header('x-lumos-answer')
    if (answer !== undefined) options.onAnswer?.(answer)

    let next = 0
    try {
      for await (const event of eventsOf(reply)) {
        if (event.event === 'end') return metaIn(event)
        if (event.event === 'error') throw errorIn(event)
        next = ((event.data as { index?: number }).index ?? next - 1) + 1
        yield event.data as Awaited<U[N]['item']>
      }
      throw new CutError()
    } catch (err) {
      if (!(err instanceof CutError && options.durable && answer !== undefined)) throw err
      options.signal?.throwIfAborted()
    }
    const { signal, onConnection } = options
    return yield* this.answers.attach(answer, { from: next, signal, onConnection }) as AsyncGenerator<
      Awaited<U[N]['item']>,
      Meta
    >
  }

  /** All of the node; `permission` says what each needs. */
  async units({ signal }: Pick<CallOptions, 'signal'> = {}): Promise<readonly UnitDescription[]> {
    const reply = await this.#send({ method: 'GET', path: '/api/v2/units', headers: {}, signal })
    if (reply.status !== 200) await envelopeOf(reply)
    return (parsed(await reply.text()) as { items: UnitDescription[] }).items
  }

  /** Their names alone: the node makes no schemas for that. */
  async unitNames({ signal }: Pick<CallOptions, 'signal'> = {}): Promise<readonly string[]> {
    const path = '/api/v2/units?names'
    const reply = await this.#send({ method: 'GET', path, headers: {}, signal })
    if (reply.status !== 200) await envelopeOf(reply)
    return (parsed(await reply.text()) as { names: string[] }).names
  }

  /** What happens on the node, until the loop is left. A connection that ends is made again, after the last event. */
  async *events({
    names = [],
    since,
    ...options
  }: EventOptions = {}): AsyncGenerator<U extends Units ? Units['event.list']['item'] : unknown, void> {
    const query = new URLSearchParams(names.map((name): [string, string] => ['name', name]))
    if (since !== undefined) query.set('since', since)
    for await (const { data } of this.#resumed(`/api/v2/events?${query}`, true, options)) yield data as never
  }

  /** A resource, such as `lumos://models`: the whole now and after each change. A connection that ends is made again. */
  async *watch<Data = unknown>(
    uri: string,
    { peer, ...options }: WatchOptions = {}
  ): AsyncGenerator<Data, void> {
    const query = peer === undefined ? '' : `?${new URLSearchParams({ peer })}`
    const path = `/api/v2/resource/${encodeURIComponent(uri)}/watch${query}`
    let data: unknown
    for await (const { event, data: item } of this.#resumed(path, true, options)) {
      if (event === 'snapshot') data = (item as { data: unknown }).data
      else if (event === 'patch') data = patched(data, (item as { patch: PatchStep[] }).patch)
      else continue
      yield data as Data
    }
  }

  /** Answers that the node keeps, by their ids. */
  readonly answers = {
    /** The pieces from an index on, and those to come. A connection that ends is made again. */
    attach: (id: string, { from = 0, peer, ...options }: AttachOptions = {}) =>
      this.#attached(id, from, peer, options),

    state: (id: string, options: AnswerOptions = {}) =>
      this.#answer('GET', id, options) as Promise<Units['inference.answer']['output']>,

    /** Ends the answer for all that read it. */
    cancel: (id: string, options: Pick<AnswerOptions, 'signal'> = {}) =>
      this.#answer('DELETE', id, options) as Promise<Units['inference.cancel']['output']>
  }

  async *#attached(
    id: string,
    from: number,
    peer: string | undefined,
    options: ResumeOptions
  ): AsyncGenerator<Units['inference.attach']['item'], Meta> {
    const query = new URLSearchParams({ from: String(from), ...(peer !== undefined && { peer }) })
    const path = `/api/v2/answers/${encodeURIComponent(id)}/stream?${query}`
    const events = this.#resumed(path, false, options)
    for (;;) {
      const next = await events.next()
      if (next.done) return (next.value as { meta: Meta }).meta
      yield next.value.data as Units['inference.attach']['item']
    }
  }

  async #answer(method: 'GET' | 'DELETE', id: string, { peer, signal }: AnswerOptions): Promise<unknown> {
    const query = peer === undefined ? '' : `?${new URLSearchParams({ peer })}`
    const path = `/api/v2/answers/${encodeURIComponent(id)}${query}`
    return (await envelopeOf(await this.#send({ method, path, headers: {}, signal }))).data
  }

  #resumed(path: string, endless: boolean, options: ResumeOptions): AsyncGenerator<SseEvent, unknown> {
    return resumed({
      ...options,
      endless,
      open: async lastId => {
        const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId }
        const reply = await this.#send({ method: 'GET', path, headers, signal: options.signal })
        await mustBeOk(reply)
        return reply
      }
    })
  }

  #post(
    path: string,
    body: object,
    signal?: AbortSignal,
    more: Readonly<Record<string, string>> = {}
  ): Promise<Reply> {
    const headers = { 'content-type': 'application/json', ...more }
    return this.#send({ method: 'POST', path, headers, body: JSON.stringify(body), signal })
  }

  #send(ask: Ask): Promise<Reply> {
    return this.#transport({ ...ask, headers: { ...this.#headers, ...ask.headers } })
  }
}

const defaultUrl = (): string => {
  const { location } = globalThis as { location?: { readonly origin: string } }
  return location?.origin.startsWith('http') ? location.origin : LOOPBACK
}
