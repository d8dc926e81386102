/** Resources as MCP has them: what `resource.list` names, read by `resource.read` and watched by `resource.watch`. */

import type { Server, ServerContext } from '@modelcontextprotocol/server'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import { toJson } from '../json-answer.ts'
import type { UnitCalls } from './calls.ts'
import type { McpServerOptions } from './server.ts'

type Sdk = typeof import('@modelcontextprotocol/server')

/** Resources that one client watches: each costs a read after each change. */
const WATCHED_MAX = 32
const URI_CHARS_MAX = 1024
const JSON_TYPE = 'application/json'

interface Listed {
  readonly uri: string
  readonly summary: string
}

export function serveResources(sdk: Sdk, server: Server, { callsOf, notifies }: McpServerOptions): void {
  server.setRequestHandler('resources/list', async (_, context) => {
    const items = (await listed(callsOf(context), context)).filter(({ uri }) => !uri.includes('{'))
    return { resources: items.map(item => ({ uri: item.uri, ...described(item) })) }
  })
  server.setRequestHandler('resources/templates/list', async (_, context) => {
    const items = (await listed(callsOf(context), context)).filter(({ uri }) => uri.includes('{'))
    return { resourceTemplates: items.map(item => ({ uriTemplate: item.uri, ...described(item) })) }
  })
  server.setRequestHandler('resources/read', async ({ params: { uri } }, context) => {
    const { signal } = context.mcpReq
    try {
      const data = await callsOf(context).call('resource.read', { uri: checked(uri) }, { signal })
      return { contents: [{ uri, mimeType: JSON_TYPE, text: toJson(data) }] }
    } catch (thrown) {
      throw refusalOf(sdk, uri, thrown)
    }
  })
  if (notifies) serveSubscriptions(sdk, server, callsOf)
}

/** A subscription lasts until it is given up or the client goes. */
function serveSubscriptions(sdk: Sdk, server: Server, callsOf: McpServerOptions['callsOf']): void {
  const watched = new Map<string, AbortController>()
  server.setRequestHandler('resources/subscribe', async ({ params: { uri } }, context) => {
    if (watched.has(uri)) return {}
    if (watched.size >= WATCHED_MAX) {
      throw refusalOf(
        sdk,
        uri,
        new LumosError('OVERLOADED', `One client watches ${WATCHED_MAX} resources at most.`)
      )
    }
    const ended = new AbortController()
    watched.set(uri, ended)
    try {
      // A stream fails by its first item where the resource is not there.
      const changes = callsOf(context).watch('resource.watch', { uri: checked(uri) }, ended.signal)
      const items = changes[Symbol.asyncIterator]()
      await items.next()
      void follow(items, () => server.sendResourceUpdated({ uri })).finally(() => watched.delete(uri))
      return {}
    } catch (thrown) {
      watched.delete(uri)
      throw refusalOf(sdk, uri, thrown)
    }
  })
  server.setRequestHandler('resources/unsubscribe', async ({ params: { uri } }) => {
    watched.get(uri)?.abort()
    return {}
  })
  const { onclose } = server
  server.onclose = () => {
    for (const ended of watched.values()) ended.abort()
    onclose?.()
  }
}

/** Ends with the stream, without a failure: the client may subscribe again. */
async function follow(items: AsyncIterator<unknown>, changed: () => Promise<void>): Promise<void> {
  try {
    for (let item = await items.next(); !item.done; item = await items.next()) {
      if ((item.value as { type?: unknown }).type !== 'heartbeat') await changed()
    }
  } catch {
    // The node stopped, or the client went.
  }
}

async function listed(calls: UnitCalls, { mcpReq: { signal } }: ServerContext): Promise<readonly Listed[]> {
  const units = await calls.list()
  if (!units.some(({ name }) => name === 'resource.list')) return []
  const { items } = (await calls.call('resource.list', {}, { signal })) as {
    items: readonly (Listed & { unit: string })[]
  }
  return items.filter(({ unit }) => units.some(({ name }) => name === unit))
}

const described = ({ uri, summary }: Listed) => ({
  name: uri.replace('lumos://', '').replace(/[{}]/g, ''),
  description: summary,
  mimeType: JSON_TYPE
})

function checked(uri: string): string {
  if (uri.length <= URI_CHARS_MAX) return uri
  throw new LumosError('INPUT_TOO_LARGE', `An address has ${URI_CHARS_MAX} characters at most.`)
}

function refusalOf(
  { ProtocolError, ProtocolErrorCode, ResourceNotFoundError }: Sdk,
  uri: string,
  thrown: unknown
) {
  const { code, message, hint } = toLumosError(thrown)
  const words = [message, hint].filter(Boolean).join(' ')
  if (code.endsWith('_NOT_FOUND')) return new ResourceNotFoundError(uri.slice(0, URI_CHARS_MAX), words)
  const isTheirs = code === 'INVALID_INPUT' || code === 'INPUT_TOO_LARGE'
  return new ProtocolError(
    isTheirs ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError,
    words
  )
}
