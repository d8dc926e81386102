/** How the Model Context Protocol is spoken over HTTP, in both eras. */

import { type Json, need, needEqual, parsed, Skipped, told } from './need.ts'
import type { Answer, Server } from './server.ts'
import { eventsOf } from './streams.ts'

const OF_SESSIONS = '2025-06-18'
export const MODERN = '2026-07-28'
export const SPEC = 'https://modelcontextprotocol.io/specification'
export const BASE = `${SPEC}/${OF_SESSIONS}/basic`
export const SERVER = `${SPEC}/${OF_SESSIONS}/server`
export const MCP = '/mcp'
export const CLIENT = { name: 'lumos-node-conformance', version: '1' }

export const post = (
  server: Server,
  body: unknown,
  headers: Readonly<Record<string, string>> = {}
): Promise<Answer> =>
  server.ask(MCP, { body, headers: { accept: 'application/json, text/event-stream', ...headers } })

/** The message that answers a request, whichever way the server sends it. */
export function answerOf(answer: Answer, id: number): Json {
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream')
  const messages = isStream ? eventsOf(answer).map(({ data }) => parsed(data, 'an event')) : [answer.json()]
  const found = messages.find(message => message.id === id)
  need(found !== undefined, `no message answers request ${id}: ${told(answer.text)}`)
  needEqual(found.jsonrpc, '2.0', 'jsonrpc')
  return found
}

interface Session {
  readonly result: Json
  readonly headers: Readonly<Record<string, string>>
  call(method: string, params?: object): Promise<Json>
}

export async function begin(server: Server): Promise<Session> {
  const params = { protocolVersion: OF_SESSIONS, capabilities: {}, clientInfo: CLIENT }
  const answer = await post(server, { jsonrpc: '2.0', id: 1, method: 'initialize', params })
  needEqual(answer.status, 200, 'the status of initialize')
  const { result } = answerOf(answer, 1)
  const id = answer.headers.get('mcp-session-id')
  const headers = { 'mcp-protocol-version': OF_SESSIONS, ...(id !== null && { 'mcp-session-id': id }) }
  const { status } = await post(server, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers)
  needEqual(status, 202, 'the status of a notification')
  return {
    ...{ result, headers },
    async call(method, params) {
      const body = { jsonrpc: '2.0', id: 2, method, ...(params && { params }) }
      return answerOf(await post(server, body, headers), 2)
    }
  }
}

export async function tools(session: Session): Promise<Json[]> {
  if (session.result.capabilities?.tools === undefined) throw new Skipped('the server offers no tools')
  const { result } = await session.call('tools/list')
  need(Array.isArray(result?.tools), `tools is ${told(result?.tools)}, not a list`)
  return result.tools
}

export async function modern(server: Server, method: string, header = method): Promise<Answer> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': CLIENT,
    'io.modelcontextprotocol/clientCapabilities': {}
  }
  const body = { jsonrpc: '2.0', id: 1, method, params: { _meta: meta } }
  const headers = { 'mcp-protocol-version': MODERN, 'mcp-method': header }
  return post(server, body, headers)
}

export async function modernOrSkipped(server: Server): Promise<Json> {
  const answer = await modern(server, 'server/discover')
  if (answer.status !== 200) throw new Skipped(`the server does not speak ${MODERN}: status ${answer.status}`)
  return answerOf(answer, 1)
}
