/**
 * `subscriptions/listen`, by which clients since July 2026 are told of changed resources. The library serves the stream;
 * here the resources are watched that it tells of. Those that cannot be are left out, which the acknowledgement says.
 */

import type {
  JSONRPCMessage,
  McpHandlerRequestOptions,
  McpServerFactory,
  RequestId,
  ServerEventBus,
  Transport
} from '@modelcontextprotocol/server'
import { isRecord } from '../../interface/record.ts'
import type { UnitCalls, WatchRoom } from './calls.ts'
import { WATCHED_MAX, WatchedResources } from './watched.ts'

type Sdk = typeof import('@modelcontextprotocol/server')

export const isListen = (message: unknown): boolean =>
  isRecord(message) && message.method === 'subscriptions/listen'

interface Listening<T> {
  /** The request for the resources that are watched now. */
  readonly message: T
  readonly uris: readonly string[]
}

/** Begins to watch what the request asks for. What is no request of the protocol, the library refuses. */
async function begun<T>(message: T, watched: WatchedResources, calls: UnitCalls): Promise<Listening<T>> {
  const params = isRecord(message) && isRecord(message.params) ? message.params : {}
  const notifications = isRecord(params.notifications) ? params.notifications : {}
  const asked = notifications.resourceSubscriptions
  if (!Array.isArray(asked) || !asked.every(uri => typeof uri === 'string')) return { message, uris: [] }
  const wanted = [...new Set<string>(asked)].slice(0, WATCHED_MAX)
  const added = await Promise.all(
    wanted.map(async uri => {
      return watched.add(uri, calls).then(
        () => [uri],
        () => []
      )
    })
  )
  const uris = added.flat()
  const kept = { ...params, notifications: { ...notifications, resourceSubscriptions: uris } }
  return { message: { ...message, params: kept }, uris }
}

interface ListenRequest {
  readonly request: Request
  readonly options: McpHandlerRequestOptions
  readonly calls: UnitCalls
  readonly room: WatchRoom
  /** Each ends the stream. */
  readonly ends: readonly AbortSignal[]
}

/** One stream over HTTP, for as long as its client reads it. */
export async function listenOverHttp(
  sdk: Sdk,
  makeServer: McpServerFactory,
  { request, options, calls, room, ends }: ListenRequest
): Promise<Response> {
  let tell: Parameters<ServerEventBus['subscribe']>[0] | undefined
  const watched = new WatchedResources(room, uri => tell?.({ kind: 'resource_updated', uri }))
  const { message } = await begun(options.parsedBody, watched, calls)
  const close = () => void handler.close()
  const bus: ServerEventBus = {
    publish() {},
    subscribe(listener) {
      tell = listener
      for (const end of ends) end.addEventListener('abort', close)
      return () => {
        for (const end of ends) end.removeEventListener('abort', close)
        watched.end()
      }
    }
  }
  const handler = sdk.createMcpHandler(makeServer, { bus, onerror() {} })
  try {
    const response = await handler.fetch(request, { ...options, parsedBody: message })
    if (ends.some(({ aborted }) => aborted)) close()
    return response
  } finally {
    if (tell === undefined) watched.end()
  }
}

interface StdioOptions {
  /** Tells those streams that listen to the address. */
  tell(uri: string): void
  /** Called first when the client is gone. */
  onGone(): void
}

/** The streams of one client over stdio. */
export function listenOverStdio(
  transport: Transport,
  calls: UnitCalls,
  { tell, onGone }: StdioOptions
): void {
  const watched = new WatchedResources({ taken: 0 }, tell)
  /** Addresses of each stream, by the id of its request; undefined while they are read for the first time. */
  const streams = new Map<RequestId, readonly string[] | undefined>()
  const end = (id: RequestId) => {
    for (const uri of streams.get(id) ?? []) watched.remove(uri)
    streams.delete(id)
  }
  const { onmessage, onclose } = transport
  const listen = async (message: JSONRPCMessage & { id: RequestId }) => {
    streams.set(message.id, undefined)
    const listening = await begun(message, watched, calls)
    if (streams.has(message.id)) {
      streams.set(message.id, listening.uris)
      if (listening.uris.length === 0) streams.delete(message.id)
      onmessage?.(listening.message)
    } else for (const uri of listening.uris) watched.remove(uri)
  }
  transport.onmessage = (message: JSONRPCMessage) => {
    if (isListen(message) && 'id' in message && message.id !== undefined && !streams.has(message.id))
      return void listen({ ...message, id: message.id })
    if ('method' in message && message.method === 'notifications/cancelled')
      end((message.params as { requestId: RequestId }).requestId)
    onmessage?.(message)
  }
  transport.onclose = () => {
    onGone()
    watched.end()
    onclose?.()
  }
}
