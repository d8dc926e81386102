/** The node that served this page, as the screens ask it: by units, with the cookie of the session. */

import { createClient, LumosClientError, type Meta, type StreamOptions, type Units } from '../client/index.ts'
import { state } from './state.ts'
import { isServed } from './version.ts'

export { LumosClientError, type Units }

const client = createClient({ url: location.origin })

export interface CallOptions {
  readonly peer?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** No answer that a person waits for, such as the lines of a log. */
  readonly background?: boolean
}

export type UnitName = keyof Units
/** What a unit gives. */
export type Output<N extends UnitName> = Units[N]['output']

/** The data of one call. @throws {LumosClientError} */
export async function call<N extends UnitName>(
  unit: N,
  input: Units[N]['input'],
  options: CallOptions = {}
): Promise<Output<N>> {
  return (await callWhole(unit, input, options)).data
}

/** The same, with the device that did the work. @throws {LumosClientError} */
export async function callWhole<N extends UnitName>(
  unit: N,
  input: Units[N]['input'],
  options: CallOptions = {}
): Promise<{ data: Output<N>; meta: Meta }> {
  try {
    const answer = await client.call<UnitName>(unit, input, options)
    state.set({ online: true })
    return answer
  } catch (err) {
    throw noticed(err)
  }
}

/** The pieces of one answer, as they come. Leaving the loop ends the work, unless it is `durable`. */
export const pieces = <N extends UnitName>(
  unit: N,
  input: Units[N]['input'],
  { background = false, ...options }: CallOptions & Pick<StreamOptions, 'durable' | 'onAnswer'> = {}
): AsyncGenerator<Units[N]['item'], Meta> =>
  answering(
    client.stream<UnitName>(unit, input, options) as AsyncGenerator<Units[N]['item'], Meta>,
    background
  )

/** The pieces of an answer that the node keeps, from the first one on. */
export const attached = (
  id: string,
  options: Pick<CallOptions, 'signal'>
): AsyncGenerator<Units['inference.attach']['item'], Meta> =>
  answering(client.answers.attach(id, options as { signal?: AbortSignal }))

/** Ends an answer that the node keeps. */
export const cancelAnswer = (id: string): Promise<unknown> => client.answers.cancel(id)

async function* answering<T>(items: AsyncGenerator<T, Meta>, background = false): AsyncGenerator<T, Meta> {
  const waiting = background ? 0 : 1
  state.set({ answering: state.value.answering + waiting })
  try {
    return yield* items
  } catch (err) {
    throw noticed(err)
  } finally {
    state.set({ answering: state.value.answering - waiting })
  }
}

export type PageEvent = Units['event.list']['item']

/** Whether the stream of events was tried before: the node may have been replaced meanwhile. */
let wasTried = false

/** What happens from now on, for as long as the page is open; the client connects again by itself. */
export async function* happenings(signal: AbortSignal): AsyncGenerator<PageEvent> {
  try {
    yield* client.events({
      signal,
      onConnection(connection) {
        if (connection.state !== 'open') return void noticed(connection.error)
        state.set({ online: true })
        if (wasTried) void look()
        wasTried = true
      }
    })
  } catch (err) {
    throw noticed(err)
  }
}

/** What fails is seen by the next question. */
const look = (): Promise<void> =>
  isServed().then(
    served => state.set({ outdated: !served }),
    () => undefined
  )

/** Every screen learns at once that the node, or the session, is gone. */
function noticed(err: unknown): unknown {
  if (!(err instanceof LumosClientError)) return err
  if (err.code === 'UNAUTHENTICATED') state.set({ signedOut: true })
  if (err.code === 'NODE_NOT_RUNNING') state.set({ online: false })
  return err
}
