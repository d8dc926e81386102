/**
 * The running node, as the commands see it: units over its unix socket.
 *
 * The run file says where the socket is; only a connection proves that the
 * node is there.
 */

import { createClient, type LumosClient } from '../client/client.ts'
import { LumosClientError } from '../client/errors.ts'
import type { AnyUnits, CallOptions, EventOptions, Meta, UnitDescription } from '../client/types.ts'
import { isErrorCode, LumosError } from '../interface/errors.ts'
import type { AbortOptions } from '../interface/lifecycle.ts'
import type { SnakeCase } from '../interface/snake-case.ts'
import { homePath, mustBeOurs } from '../storage/home/home-path.ts'
import { lockHolder } from '../storage/home/lock-holder.ts'
import { type RunInfo, readRunFile } from '../storage/home/run-file.ts'
import { shellWord } from './shell-word.ts'

/** Of a call: ends a stream, and the work that it comes from, by its signal. */
export type AskOptions = Omit<CallOptions, 'idempotencyKey' | 'onPiece'>

export type { Meta } from '../client/types.ts'

export const homeOf = ({ home }: { readonly home?: string }): string => homePath(home, process.env)

/** The words by which another process finds the same home, whatever its environment; none for that of the platform. */
export function homeWords(options: { readonly home?: string }): readonly string[] {
  const home = homeOf(options)
  const usual = homePath(undefined, { ...process.env, LUMOS_HOME: undefined })
  return home === usual ? [] : ['--home', home]
}

/** The same for a shell. */
export const homeFlag = (options: { readonly home?: string }): string =>
  homeWords(options)
    .map(word => ` ${shellWord(word)}`)
    .join('')

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
  readonly #client: LumosClient<AnyUnits>

  /** @param as `program`: its calls may do what the token of the gateway opens, and not all that their user may. */
  constructor(info: RunInfo, home: string, as?: 'program') {
    this.info = info
    this.#home = home
    this.#client = createClient<AnyUnits>({ socket: info.socketPath, as })
  }

  /** @typeParam Data the answer, in the names of the code. */
  async execute<Data>(
    unit: string,
    input: unknown = {},
    options: Omit<CallOptions, 'idempotencyKey'> = {}
  ): Promise<{ data: SnakeCase<Data>; meta: Meta }> {
    const { data, meta } = await this.#client.call(unit, input, options).catch(this.#failed)
    return { data: data as SnakeCase<Data>, meta }
  }

  /** The answer in pieces; its value at the end is what is known about the call. Leaving the loop cancels it. */
  stream(unit: string, input: unknown = {}, options: AskOptions = {}): AsyncGenerator<unknown, Meta> {
    return this.#told(this.#client.stream(unit, input, options))
  }

  /** All units of the node. */
  units(options: AbortOptions = {}): Promise<readonly UnitDescription[]> {
    return this.#client.units(options).catch(this.#failed)
  }

  unitNames(options: AbortOptions = {}): Promise<readonly string[]> {
    return this.#client.unitNames(options).catch(this.#failed)
  }

  /** Begins an answer that goes on without its client. Gives its id. */
  async detached(unit: string, input: unknown = {}, options: AskOptions = {}): Promise<string> {
    let id: string | undefined
    const onAnswer = (answer: string) => {
      id = answer
    }
    // Whether it begins at all is seen by its first piece.
    for await (const _ of this.#told(
      this.#client.stream(unit, input, { ...options, durable: true, onAnswer })
    ))
      break
    if (id !== undefined) return id
    throw new LumosError('NOT_SUPPORTED', 'Only answers that come in pieces go on without their client.')
  }

  /** Events of these names and gaps, from `since` on, else from now on. As {@link follow}. */
  watch({
    names,
    since,
    signal
  }: Pick<EventOptions, 'names' | 'since' | 'signal'> = {}): AsyncGenerator<unknown, never> {
    return this.follow('event.list', { names, since }, { signal })
  }

  /**
   * A stream that has no end of its own, until the loop is left.
   *
   * @throws {LumosError} `NODE_NOT_RUNNING` when the node has stopped.
   */
  async *follow(unit: string, input: unknown = {}, options: AskOptions = {}): AsyncGenerator<unknown, never> {
    try {
      yield* this.stream(unit, input, options)
    } catch (thrown) {
      // A node that was killed says no word.
      const isCut = thrown instanceof LumosError && thrown.code === 'STREAM_INTERRUPTED'
      if (!isCut || lockHolder(this.#home) !== undefined) throw thrown
    }
    throw new LumosError('NODE_NOT_RUNNING', 'The node has stopped.', {
      hint: 'Start it again: lumos-node start'
    })
  }

  async *#told<T, R>(pieces: AsyncGenerator<T, R>): AsyncGenerator<T, R> {
    try {
      return yield* pieces
    } catch (thrown) {
      return this.#failed(thrown)
    }
  }

  readonly #failed = (thrown: unknown): never => {
    if (!(thrown instanceof LumosClientError)) throw thrown
    const { message, hint, requestId, cause } = thrown
    const details = { ...thrown.details, ...(requestId !== undefined && { requestId }) }
    const code = isErrorCode(thrown.code) ? thrown.code : 'INTERNAL'
    if (code === 'NODE_NOT_RUNNING' && cause !== undefined) {
      mustBeOurs(this.info.socketPath)
      const { code: why } = cause as NodeJS.ErrnoException
      if (why === 'ECONNREFUSED' || why === 'ENOENT') throw notRunning(this.#home)
    }
    throw new LumosError(code, message, { hint: hint ?? undefined, details, cause })
  }
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
