/** Resources as MCP has them: what `resource.list` names, read by `resource.read` and watched by `resource.watch`. */

import type { Server, ServerContext } from '@modelcontextprotocol/server'
import { toLumosError } from '../../interface/errors.ts'
import { toJson } from '../json-answer.ts'
import type { McpServerOptions, UnitCalls, WatchRoom } from './calls.ts'
import { checkedUri, WatchedResources } from './watched.ts'

type Sdk = typeof import('@modelcontextprotocol/server')

/** Of an address that is not there, in the words that say so. */
const URI_SHOWN_CHARS_MAX = 1024
const JSON_TYPE = 'application/json'

interface Listed {
  readonly uri: string
  readonly summary: string
}

export function serveResources(sdk: Sdk, server: Server, { callsOf, room }: McpServerOptions): void {
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
      const data = await callsOf(context).call('resource.read', { uri: checkedUri(uri) }, { signal })
      return { contents: [{ uri, mimeType: JSON_TYPE, text: toJson(data) }] }
    } catch (thrown) {
      throw refusalOf(sdk, uri, thrown)
    }
  })
  if (room !== undefined) serveSubscriptions(sdk, server, callsOf, room)
}

/** A subscription lasts until it is given up or the client goes. */
function serveSubscriptions(
  sdk: Sdk,
  server: Server,
  callsOf: McpServerOptions['callsOf'],
  room: WatchRoom
): void {
  // The client may be gone, which closes the server.
  const watched = new WatchedResources(room, uri => void server.sendResourceUpdated({ uri }).catch(() => {}))
  server.setRequestHandler('resources/subscribe', async ({ params: { uri } }, context) => {
    try {
      if (!watched.has(uri)) await watched.add(uri, callsOf(context))
      return {}
    } catch (thrown) {
      throw refusalOf(sdk, uri, thrown)
    }
  })
  server.setRequestHandler('resources/unsubscribe', async ({ params: { uri } }) => {
    watched.remove(uri)
    return {}
  })
  const { onclose } = server
  server.onclose = () => {
    watched.end()
    onclose?.()
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

function refusalOf(
  { ProtocolError, ProtocolErrorCode, ResourceNotFoundError }: Sdk,
  uri: string,
  thrown: unknown
) {
  const { code, message, hint } = toLumosError(thrown)
  const words = [message, hint].filter(Boolean).join(' ')
  if (code.endsWith('_NOT_FOUND')) return new ResourceNotFoundError(uri.slice(0, URI_SHOWN_CHARS_MAX), words)
  const isTheirs = code === 'INVALID_INPUT' || code === 'INPUT_TOO_LARGE'
  return new ProtocolError(
    isTheirs ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError,
    words
  )
}
