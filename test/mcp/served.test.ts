/** Units as tools: over HTTP and over stdio, for the clients of both eras of the protocol. */

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { createMCPClient } from '@ai-sdk/mcp'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, it, onTestFinished, vi } from 'vitest'
import { resultOf } from '../../gateway/mcp/result.ts'
import { type ServedTool, toolName } from '../../gateway/mcp/tools.ts'
import { OverloadedError } from '../../interface/errors.ts'
import { writeRunFile } from '../../storage/home/run-file.ts'
import { MAIN, spawnCli } from '../cli/run-cli.ts'
import { listenAs, startGateway } from '../gateway/running-gateway.ts'
import { callerWith } from '../units/callers.ts'

type Gateway = Awaited<ReturnType<typeof startGateway>>
let gateway: Gateway

beforeAll(async () => {
  gateway = await startGateway()
  const { home, socketPath, node } = gateway
  const [peerId, url] = [node.peerId, gateway.gateway.url!]
  writeRunFile(home, {
    pid: process.pid,
    peerId,
    name: 'held',
    version: '1',
    socketPath,
    gateway: url,
    startedAtMs: 1
  })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const ERAS = [
  ['before July 2026', 'legacy'],
  ['of July 2026', { pin: '2026-07-28' }]
] as const
type Mode = (typeof ERAS)[number][1]

const overHttp = (query = '', more: Record<string, string> = {}) =>
  new StreamableHTTPClientTransport(new URL(`/mcp${query}`, gateway.gateway.url), {
    requestInit: { headers: { authorization: `Bearer ${gateway.token}`, ...more } }
  })

const overStdio = (home: string, ...args: string[]) =>
  new StdioClientTransport({
    command: execPath,
    args: [MAIN, '--home', home, 'mcp', 'serve', ...args],
    env: { PATH: process.env.PATH!, NODE_OPTIONS: '--trace-warnings', LANG: 'C' },
    stderr: 'ignore'
  })

const newClient = (mode: Mode) => new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })

async function connected(transport: ReturnType<typeof overHttp>, mode: Mode = 'legacy') {
  const client = newClient(mode)
  await client.connect(transport)
  onTestFinished(() => client.close())
  return client
}

const chat = (content: string) => ({
  name: 'inference_chat',
  arguments: { model: 'held', messages: [{ role: 'user', content }] }
})
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const textOf = (result: unknown): string => (result as { content: [{ text: string }] }).content[0].text
const HTTP_AND_STDIO = [
  ...ERAS.map(([era, mode]) => [`HTTP, ${era}`, mode, () => overHttp()] as const),
  ['stdio, of July 2026', ERAS[1][1], () => overStdio(gateway.home)] as const
]

describe.each(HTTP_AND_STDIO)('a client over %s', (_, mode, transportOf) => {
  const client = newClient(mode)
  beforeAll(() => client.connect(transportOf()))
  afterAll(() => client.close())

  it('lists tools, calls one, sees its progress, cancels one, and is told what failed', async () => {
    const { tools } = await client.listTools()
    assert.ok(tools.length > 15 && tools.length <= 25)
    assert.equal(tools[0]!.name, 'mesh_status')

    const status = await client.callTool({ name: 'mesh_status', arguments: {} })
    assert.equal((status.structuredContent as { name: string }).name, 'held')
    assert.deepEqual(JSON.parse(textOf(status)), status.structuredContent)

    const words: (string | undefined)[] = []
    let said = 0
    // Each word waits until the one before has arrived: a client leaves aside what comes with the answer.
    gateway.engine.beforeWord = async () => {
      const before = said++
      await vi.waitUntil(() => words.length >= before, { interval: 5, timeout: 5000 })
    }
    const answer = await client.callTool(chat('one two three'), {
      onprogress: ({ message }) => words.push(message)
    })
    assert.deepEqual(words.slice(0, 2), ['one ', 'two '])
    assert.equal((answer.structuredContent as { content: string }).content, 'one two three')

    const traces: unknown[] = []
    const note = ({ detail }: CustomEvent<{ traceId?: string | undefined }>) => traces.push(detail.traceId)
    gateway.node.events.addEventListener('inference.request_started', note)
    await client.callTool({ ...chat('traced'), _meta: { traceparent: TRACEPARENT } })
    await client.callTool({ ...chat('traced'), _meta: { traceparent: 'a\r\nb' } })
    gateway.node.events.removeEventListener('inference.request_started', note)
    assert.deepEqual(traces, [TRACEPARENT.split('-')[1], undefined])

    const held = Promise.withResolvers<void>()
    const begun = gateway.engine.outcomes.length
    gateway.engine.beforeWord = () => held.promise
    const leaving = new AbortController()
    const left = client.callTool(chat('never'), { signal: leaving.signal })
    await vi.waitUntil(() => gateway.engine.outcomes.length > begun, { interval: 10, timeout: 5000 })
    leaving.abort()
    await assert.rejects(left)
    await vi.waitUntil(() => gateway.engine.outcomes[begun] === 'left', { interval: 10, timeout: 5000 })
    gateway.engine.beforeWord = async () => {}

    gateway.engine.failure = new OverloadedError('All slots are taken.', 1000)
    const failed = await client.callTool(chat('x')).finally(() => (gateway.engine.failure = undefined))
    assert.equal(failed.isError, true)
    assert.match(textOf(failed), /\w+\. .*\(E_[A-Z_]+\)$/)
    const wrong = await client.callTool({ name: 'model_get', arguments: { model: 'x' } })
    assert.equal(wrong.isError, true)
    assert.match(textOf(wrong), /model_get|model\.get.*\(E_INVALID_INPUT\)/)
    await assert.rejects(client.callTool({ name: 'node_stop', arguments: {} }), /no tool "node_stop"/)
    assert.equal(gateway.stops(), 0)
  })

  it('is told when a resource that it watches is another, and of none that it cannot read', async () => {
    const told: string[] = []
    client.setNotificationHandler(
      'notifications/resources/updated',
      ({ params }) => void told.push(params.uri)
    )
    const ended = await watch(client, mode, 'lumos://requests')
    await client.callTool(chat('changes the requests'))
    await vi.waitUntil(() => told.length > 0, { interval: 10, timeout: 5000 })
    await ended()
    assert.deepEqual([...new Set(told)], ['lumos://requests'])
  })
})

/** By the means of its era; the resource that is not there is asked for, too. */
async function watch(client: Client, mode: Mode, uri: string): Promise<() => Promise<unknown>> {
  const nothing = 'lumos://nothing'
  if (mode === 'legacy') {
    await assert.rejects(client.subscribeResource({ uri: nothing }), /nothing/)
    await client.subscribeResource({ uri })
    return () => client.unsubscribeResource({ uri })
  }
  const stream = await client.listen({ resourceSubscriptions: [nothing, uri, uri], toolsListChanged: true })
  assert.deepEqual(stream.honoredFilter.resourceSubscriptions, [uri])
  return () => stream.close()
}

describe('the tools', () => {
  it('have names that every client takes, no two the same, and schemas with an object at the top', async () => {
    const client = await connected(overHttp('?tools=all'))
    const { tools } = await client.listTools()
    const names = tools.map(({ name }) => name)
    assert.equal(new Set(names).size, names.length)
    const others = gateway.units.list().filter(({ permission }) => permission !== 'keys')
    assert.deepEqual(names.toSorted(), others.map(({ name }) => toolName(name)).toSorted())
    for (const { name, inputSchema, outputSchema } of tools) {
      // Clients put a name of their own before it.
      assert.match(`mcp__lumos__${name}`, /^[a-zA-Z0-9_-]{1,64}$/)
      for (const schema of [inputSchema, outputSchema ?? inputSchema]) {
        assert.equal(schema.type, 'object')
        assert.deepEqual(
          ['anyOf', 'oneOf', 'allOf'].filter(key => key in schema),
          []
        )
      }
    }
    const hints = Object.fromEntries(tools.map(({ name, annotations }) => [name, annotations]))
    assert.equal(hints.model_list!.readOnlyHint, true)
    assert.equal(hints.model_delete!.destructiveHint, true)
    assert.equal(hints.inference_chat!.destructiveHint, false)
    const byName = Object.fromEntries(tools.map(tool => [tool.name, tool.inputSchema.properties!]))
    assert.ok('peer' in byName.inference_chat! && !('peer' in byName.model_list!))
  })

  it('are those that were chosen, and of them those that the caller may call', async () => {
    const chosen = await connected(overHttp('?tools=model.list,engine_*'))
    const { tools } = await chosen.listTools()
    assert.deepEqual(new Set(tools.map(({ name }) => name.replace(/_.*/, ''))), new Set(['model', 'engine']))

    await using reader = await listenAs(gateway, callerWith('read'))
    const { body } = await reader.send('/mcp?tools=all', { jsonrpc: '2.0', id: 1, method: 'tools/list' })
    assert.match(body, /"model_list"/)
    assert.doesNotMatch(body, /"inference_chat"|"model_load"/)
    const call = { name: 'model_load', arguments: { model_id: 'held' } }
    const refused = await reader.send('/mcp?tools=all', {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: call
    })
    assert.match(refused.body, /no tool/)
  })

  it('answer with nothing larger than clients take, which is measured before it becomes text', () => {
    const toJSON = () => assert.fail('became text')
    const served = { tool: { name: 'x' }, unit: { output: {} } } as unknown as ServedTool
    const { isError, content } = resultOf({ bytes: new Uint8Array(9 * 1024 * 1024), toJSON }, served)
    assert.deepEqual([isError, /more than the 8388608/.test(textOf({ content }))], [true, true])
  })

  it('begin a job that a call with progress waits for', async () => {
    const client = await connected(overHttp('?tools=model.check'))
    const check = { name: 'model_check', arguments: {} }
    const begun = await client.callTool(check)
    assert.match(JSON.stringify(begun.structuredContent), /"state":"(queued|running)"/)
    const ended = await client.callTool(check, { onprogress() {} })
    assert.equal((ended.structuredContent as { state: string }).state, 'done')
  })

  it('ask the named device, and no other', async () => {
    const client = await connected(overHttp())
    const { arguments: given } = chat('hi')
    const result = await client.callTool({ name: 'inference_chat', arguments: { ...given, peer: 'nowhere' } })
    assert.match(textOf(result), /E_PEER_NOT_FOUND/)
    const own = await client.callTool({ name: 'inference_chat', arguments: { ...given, peer: 'held' } })
    assert.equal((own.structuredContent as { content: string }).content, 'hi')
  })

  it('work with the client of the AI SDK', async () => {
    const headers = { authorization: `Bearer ${gateway.token}` }
    const url = `${gateway.gateway.url}/mcp`
    const client = await createMCPClient({ transport: { type: 'http', url, headers } })
    onTestFinished(() => client.close())
    const tools = await client.tools()
    const result = await tools.mesh_status!.execute!({}, { toolCallId: '1', messages: [], context: {} })
    assert.match(JSON.stringify(result), /"held"/)
  })
})

describe('resources', () => {
  it('are listed, read and watched by their addresses', async () => {
    const client = await connected(overHttp())
    const { resources } = await client.listResources()
    assert.ok(resources.some(({ uri }) => uri === 'lumos://models'))
    const { resourceTemplates } = await client.listResourceTemplates()
    assert.ok(resourceTemplates.some(({ uriTemplate }) => uriTemplate === 'lumos://model/{model_id}'))
    const { contents } = await client.readResource({ uri: 'lumos://model/held' })
    assert.equal(JSON.parse((contents[0] as { text: string }).text).id, 'held')
    await client.subscribeResource({ uri: 'lumos://models' })
    await client.unsubscribeResource({ uri: 'lumos://models' })
    await assert.rejects(client.readResource({ uri: 'lumos://nothing' }), /nothing/)
    await assert.rejects(client.subscribeResource({ uri: 'lumos://nothing' }), /nothing/)
  })
})

describe('the route', () => {
  it.each(ERAS)('takes the trace from the header, for a client %s', async (_, mode) => {
    const client = await connected(overHttp('', { traceparent: TRACEPARENT }), mode)
    const execute = vi.spyOn(gateway.units, 'execute')
    onTestFinished(() => execute.mockRestore())
    await client.callTool({ name: 'mesh_status', arguments: {} })
    assert.equal(execute.mock.calls.at(-1)![2].traceId, TRACEPARENT.split('-')[1])
  })

  const initialize = {
    ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } }
  }
  const accept = { accept: 'application/json, text/event-stream' }
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' }

  it('answers no program without the token, no foreign page, and no session of another caller', async () => {
    const { status } = await gateway.tcp('/mcp', initialize, { ...accept, authorization: 'Bearer x' })
    assert.equal(status, 401)
    const page = await gateway.tcp('/mcp', initialize, { ...accept, origin: 'http://evil.example' })
    assert.equal(page.status, 403)
    const { headers } = await gateway.tcp('/mcp', initialize, accept)
    const session = { ...accept, 'mcp-session-id': headers['mcp-session-id'] as string }
    assert.equal((await gateway.tcp('/mcp', list, session)).status, 200)
    assert.equal((await gateway.local('/mcp', list, session)).status, 404)
  })

  it('ends no session of another caller, whatever it is asked for, and leaves nothing of an ended one', async () => {
    const { headers } = await gateway.tcp('/mcp', initialize, accept)
    const session = { ...accept, 'mcp-session-id': headers['mcp-session-id'] as string }
    for (let i = 0; i < 17; i++) await gateway.local(`/mcp?tools=x${i}`, list, accept)
    for (let i = 0; i < 65; i++) assert.equal((await gateway.local('/mcp', initialize, accept)).status, 200)
    assert.equal((await gateway.tcp('/mcp', list, session)).status, 200)

    const { signal } = new AbortController()
    await using reader = await listenAs(gateway, { ...callerWith('read'), ended: signal })
    const before = getEventListeners(signal, 'abort').length
    for (let i = 0; i < 66; i++) await reader.send('/mcp', initialize)
    assert.equal(getEventListeners(signal, 'abort').length - before, 64)
  })

  it('takes few names of tools, and any number of stars in one', async () => {
    const stars = `${'*'.repeat(63)}Z`
    const { status, body } = await gateway.tcp(`/mcp?tools=${stars},*mesh*tat*,model_*t`, list, accept)
    const names = [...String(body).matchAll(/"name":"(\w+)","description"/g)].map(([, name]) => name)
    assert.deepEqual([status, names.includes('mesh_status'), names.includes('model_list')], [200, true, true])
    assert.ok(!names.includes('mesh_peers'))
    for (const tools of ['*'.repeat(65), Array(33).fill('x').join()])
      assert.equal((await gateway.tcp(`/mcp?tools=${tools}`, list, accept)).status, 400)
  })

  it('refuses what is no message, and arguments beyond the size of the unit, and goes on', async () => {
    for (const [body, status] of [
      ['{', 400],
      ['[]', 400],
      ['{"jsonrpc":"2.0"}', 400],
      [
        JSON.stringify({
          method: 'tools/call',
          params: { name: 'model_get', arguments: 'x'.repeat(99_999) }
        }),
        413
      ]
    ] as const) {
      const answer = await gateway.tcp('/mcp', body, accept)
      assert.equal(answer.status, status, body.slice(0, 40))
      assert.ok(answer.body.error.message)
    }
    assert.equal((await gateway.tcp('/mcp', initialize, accept)).status, 200)
  })
})

describe('mcp serve', () => {
  it('prints nothing but messages, says without a node how to start one, and finds it later', async () => {
    const home = mkdtempSync(join(gateway.home, 'none-'))
    const options = { nodeOptions: ['--trace-warnings'], env: { LANG: 'C', NODE_DEBUG: 'net' } }
    const child = spawnCli(['--home', home, 'mcp', 'serve'], options)
    onTestFinished(() => void child.kill('SIGKILL'))
    let lines = ''
    child.stdout.on('data', text => (lines += text))
    const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
    const told = (pattern: RegExp) =>
      vi.waitUntil(() => pattern.test(lines), { interval: 20, timeout: 30_000 })
    const call = { method: 'tools/call', params: { name: 'mesh_status', arguments: {} } }

    child.stdin.write('no message\n')
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' }
    }
    send({ id: 1, method: 'initialize', params })
    await told(/"id":1/)
    send({ method: 'notifications/initialized' })
    send({ id: 2, method: 'tools/list' })
    await told(/"id":2/)
    send({ id: 3, ...call })
    await told(/"isError":true.*|lumos-node start/)

    const { socketPath, node } = gateway
    const run = { pid: process.pid, peerId: node.peerId, name: 'held', version: '1', startedAtMs: 1 }
    writeRunFile(home, { ...run, socketPath, gateway: gateway.gateway.url! })
    await told(/tools\/list_changed/)
    send({ id: 4, ...call })
    await told(/"id":4/)
    child.stdin.end()
    for (const line of lines.trim().split('\n')) assert.equal(JSON.parse(line).jsonrpc, '2.0')
    assert.match(lines, /lumos-node start/)
  })
})
