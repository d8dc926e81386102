/** Promises of the Model Context Protocol over HTTP, in both eras: with a session, and without. No tool of the server is called. */

import {
  type Check,
  type Json,
  need,
  needEqual,
  needList,
  needOne,
  needText,
  Skipped,
  told
} from './check.ts'
import {
  answerOf,
  BASE,
  begin,
  CLIENT,
  MCP,
  MODERN,
  modern,
  modernOrSkipped,
  post,
  SERVER,
  SPEC,
  tools
} from './mcp-session.ts'

const TOOL_NAME = /^[a-zA-Z0-9_.-]{1,128}$/
const METHOD_NOT_FOUND = -32601
const INVALID_PARAMS = -32602

const SESSIONS: readonly Check[] = [
  {
    name: 'initialize',
    promise: 'initialize names a version of the protocol, the server and what it can do.',
    source: `${BASE}/lifecycle`,
    async run(server) {
      const { result } = await begin(server)
      need(
        /^\d{4}-\d\d-\d\d$/.test(result?.protocolVersion),
        `protocolVersion is ${told(result?.protocolVersion)}`
      )
      needText(result.serverInfo?.name, 'serverInfo.name')
      needText(result.serverInfo?.version, 'serverInfo.version')
      need(typeof result.capabilities === 'object', `capabilities is ${told(result.capabilities)}`)
    }
  },
  {
    name: 'initialize.version',
    promise: 'A version that the server does not know is answered by one that it knows.',
    source: `${BASE}/lifecycle`,
    async run(server) {
      await begin(server)
      const params = { protocolVersion: '1999-01-01', capabilities: {}, clientInfo: CLIENT }
      const answer = await post(server, { jsonrpc: '2.0', id: 1, method: 'initialize', params })
      const { result, error } = answerOf(answer, 1)
      const other = result?.protocolVersion
      need(error !== undefined || (other && other !== '1999-01-01'), `protocolVersion is ${told(other)}`)
    }
  },
  {
    name: 'ping',
    promise: 'ping is answered by an empty result.',
    source: `${BASE}/utilities/ping`,
    async run(server) {
      const { result } = await (await begin(server)).call('ping')
      needEqual(JSON.stringify(result), '{}', 'the result')
    }
  },
  {
    name: 'session.end',
    promise: 'A session that was ended by DELETE is answered with 404.',
    source: `${BASE}/transports`,
    async run(server) {
      const { headers } = await begin(server)
      if (!('mcp-session-id' in headers)) throw new Skipped('the server has no sessions')
      const { status } = await server.ask(MCP, { method: 'DELETE', headers })
      if (status === 405) throw new Skipped('the server lets no client end a session')
      const answer = await post(server, { jsonrpc: '2.0', id: 3, method: 'ping' }, headers)
      needEqual(answer.status, 404, 'the status after DELETE')
    }
  },
  {
    name: 'session.unknown',
    promise: 'A session that the server does not know is answered with 404.',
    source: `${BASE}/transports`,
    async run(server) {
      const { headers } = await begin(server)
      if (!('mcp-session-id' in headers)) throw new Skipped('the server has no sessions')
      const unknown = { ...headers, 'mcp-session-id': 'no-such-session' }
      needEqual(
        (await post(server, { jsonrpc: '2.0', id: 3, method: 'ping' }, unknown)).status,
        404,
        'the status'
      )
    }
  },
  {
    name: 'version.unknown',
    promise: 'A header with a version that the server does not know is answered with 400.',
    source: `${BASE}/transports`,
    async run(server) {
      const { headers } = await begin(server)
      const wrong = { ...headers, 'mcp-protocol-version': '1999-01-01' }
      needEqual(
        (await post(server, { jsonrpc: '2.0', id: 3, method: 'ping' }, wrong)).status,
        400,
        'the status'
      )
    }
  },
  {
    name: 'origin',
    promise: 'A request of a foreign web page is refused with 403.',
    source: `${BASE}/transports`,
    async run(server) {
      const { headers } = await begin(server)
      const page = { ...headers, origin: 'https://page.invalid' }
      needEqual(
        (await post(server, { jsonrpc: '2.0', id: 3, method: 'ping' }, page)).status,
        403,
        'the status'
      )
    }
  }
]

const OFFERS: readonly Check[] = [
  {
    name: 'tools.list',
    promise: 'Each tool has a name that models can write, a description, and a schema of an object.',
    source: `${SERVER}/tools`,
    async run(server) {
      const list = await tools(await begin(server))
      needList(list, 'tools')
      for (const { name, description, inputSchema, outputSchema } of list) {
        need(TOOL_NAME.test(name), `the name of a tool is ${told(name)}`)
        needText(description, `description of ${name}`)
        needEqual(inputSchema?.type, 'object', `inputSchema.type of ${name}`)
        if (outputSchema !== undefined) needEqual(outputSchema.type, 'object', `outputSchema.type of ${name}`)
      }
      needEqual(new Set(list.map(({ name }) => name)).size, list.length, 'the number of different names')
    }
  },
  {
    name: 'tools.unknown',
    promise: 'A tool that is not there is refused by an error, or by a result that is one.',
    source: `${SERVER}/tools`,
    async run(server) {
      const session = await begin(server)
      await tools(session)
      const { error, result } = await session.call('tools/call', { name: 'no_such_tool_9f2c', arguments: {} })
      if (error === undefined) needEqual(result?.isError, true, 'isError')
      else needEqual(error.code, INVALID_PARAMS, 'error.code')
    }
  },
  {
    name: 'resources.list',
    promise: 'Each resource has an address and a name.',
    source: `${SERVER}/resources`,
    async run(server) {
      const session = await begin(server)
      if (session.result.capabilities?.resources === undefined)
        throw new Skipped('the server offers no resources')
      const { result } = await session.call('resources/list')
      need(Array.isArray(result?.resources), `resources is ${told(result?.resources)}, not a list`)
      for (const { uri, name } of result.resources) {
        need(URL.canParse(uri), `uri is ${told(uri)}`)
        needText(name, `name of ${uri}`)
      }
    }
  },
  {
    name: 'resources.unknown',
    promise: 'A resource that is not there is refused by an error.',
    source: `${SERVER}/resources`,
    async run(server) {
      const session = await begin(server)
      if (session.result.capabilities?.resources === undefined)
        throw new Skipped('the server offers no resources')
      const { error } = await session.call('resources/read', { uri: 'none://such/resource' })
      needOne(error?.code, [INVALID_PARAMS, -32002], 'error.code')
    }
  },
  {
    name: 'error.method',
    promise: 'A method that does not exist is refused with -32601.',
    source: `${BASE}`,
    async run(server) {
      const { error } = await (await begin(server)).call('no/such/method')
      needEqual(error?.code, METHOD_NOT_FOUND, 'error.code')
    }
  },
  {
    name: 'error.json',
    promise: 'A body that is not JSON is refused with 400.',
    source: `${BASE}/transports`,
    async run(server) {
      const { headers } = await begin(server)
      needEqual((await post(server, '{"jsonrpc":', headers)).status, 400, 'the status')
    }
  }
]

const WITHOUT_SESSIONS: readonly Check[] = [
  {
    name: 'modern.discover',
    promise: 'server/discover names the versions of the protocol, and what the server can do.',
    source: `${SPEC}/${MODERN}`,
    async run(server) {
      const { result } = await modernOrSkipped(server)
      need(
        result?.supportedVersions?.includes(MODERN),
        `supportedVersions is ${told(result?.supportedVersions)}`
      )
      need(typeof result.capabilities === 'object', `capabilities is ${told(result.capabilities)}`)
    }
  },
  {
    name: 'modern.tools',
    promise: 'Tools are listed without a session, as with one.',
    source: `${SPEC}/${MODERN}`,
    async run(server) {
      await modernOrSkipped(server)
      const { result } = answerOf(await modern(server, 'tools/list'), 1)
      needList(result?.tools, 'tools')
      const names = (list: Json[]) =>
        list
          .map(({ name }) => name)
          .sort()
          .join()
      needEqual(names(result.tools), names(await tools(await begin(server))), 'the names of the tools')
    }
  },
  {
    name: 'modern.headers',
    promise: 'A request whose headers name another method than its body is refused with 400.',
    source: `${SPEC}/${MODERN}`,
    async run(server) {
      await modernOrSkipped(server)
      const answer = await modern(server, 'tools/list', 'tools/call')
      needEqual(answer.status, 400, 'the status')
    }
  }
]

export const MODEL_CONTEXT: readonly Check[] = [...SESSIONS, ...OFFERS, ...WITHOUT_SESSIONS]
