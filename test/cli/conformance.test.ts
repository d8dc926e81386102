/** `conformance`: our own node keeps every promise, and a server that breaks one is found. */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { run as command } from '../../cli/commands/conformance/conformance.ts'
import { CHECKS, type Result, run } from '../../cli/conformance/index.ts'
import { junit } from '../../cli/conformance/junit.ts'
import { Output } from '../../cli/output.ts'
import { systemClock } from '../../interface/clock.ts'
import type { LumosError } from '../../interface/errors.ts'
import { EMBEDDER, TALKER } from '../openai/scripted-engine.ts'
import { type Devices, startDevices } from '../openai/two-devices.ts'
import { runCli } from './run-cli.ts'
import { HOLD, refusing, type Spoil, startSpoilingProxy, status, swap } from './spoiling-proxy.ts'

/** What each check is there to find. */
const FAULTS: Readonly<Record<string, Spoil | typeof HOLD>> = {
  'openai.models.list': swap('"owned_by"', '"owner"'),
  'openai.models.get': swap('"object":"model"', '"object":"m"'),
  'openai.models.unknown': status(404, 200),
  'openai.chat.answer': swap('chat.completion', 'text'),
  'openai.chat.parts': swap('"content"', '"text"'),
  'openai.chat.max-tokens': swap('"length"', '"stop"'),
  'openai.chat.stop': swap('"content":"', '"content":"three '),
  'openai.chat.unknown-fields': refusing('x-unknown'),
  'openai.chat.json-schema': swap('"content":"', '"content":"no '),
  'openai.chat.stream': swap('data: [DONE]', ''),
  'openai.chat.stream-usage': swap('"usage"', '"used"'),
  'openai.chat.stream-error': status(404, 200),
  'openai.chat.abort': HOLD,
  'openai.tools.call': swap('"arguments":"{', '"arguments":"('),
  'openai.tools.round': refusing('"role":"tool"'),
  'openai.tools.stream': swap('"index"', '"place"'),
  'openai.error.model': status(404, 400),
  'openai.error.json': status(400, 500),
  'openai.error.missing': status(400, 200),
  'openai.error.type': status(400, 422),
  'openai.error.token': status(401, 403),
  'openai.error.route': status(404, 200),
  'openai.embeddings.shape': swap('"embedding":', '"vector":'),
  'openai.embeddings.several': swap('"index":1', '"index":0'),
  'openai.embeddings.base64': swap('"embedding":"', '"embedding":"AAAA'),
  'anthropic.models.list': swap('"has_more"', '"more"'),
  'anthropic.messages.answer': swap('"stop_reason":', '"reason":'),
  'anthropic.messages.blocks': swap('"text"', '"words"'),
  'anthropic.messages.max-tokens': swap('"max_tokens"', '"end_turn"'),
  'anthropic.messages.stop': swap('"text":"', '"text":"three '),
  'anthropic.messages.unknown-fields': refusing('cache_control'),
  'anthropic.count-tokens': swap('"input_tokens"', '"tokens"'),
  'anthropic.stream.order': swap('content_block_stop', 'content_block_halt'),
  'anthropic.stream.text': swap('"index":0', '"index":1'),
  'anthropic.stream.end': swap('"stop_reason"', '"reason"'),
  'anthropic.stream.abort': HOLD,
  'anthropic.tools.call': swap('"tool_use"', '"tool"'),
  'anthropic.tools.round': refusing('tool_result'),
  'anthropic.tools.stream': swap('"partial_json"', '"json"'),
  'anthropic.error.model': swap('not_found_error', 'not_found'),
  'anthropic.error.json': status(400, 500),
  'anthropic.error.max-tokens': status(400, 200),
  'anthropic.error.token': swap('authentication_error', 'wrong'),
  'ollama.alive': status(200, 404),
  'ollama.version': swap('"version":"', '"version":"v'),
  'ollama.tags': swap('"digest"', '"hash"'),
  'ollama.ps': swap('"models"', '"running"'),
  'ollama.show': swap('"capabilities"', '"abilities"'),
  'ollama.show.unknown': status(404, 400),
  'ollama.load': swap('"load"', '"stop"'),
  'ollama.keep-alive': refusing('1m30s'),
  'ollama.keep-alive.wrong': status(400, 200),
  'ollama.chat.stream': ({ type }) => ({ type: type.replace('x-ndjson', 'json') }),
  'ollama.chat.whole': swap('"role"', '"by"'),
  'ollama.generate.stream': swap('"response"', '"text"'),
  'ollama.generate.whole': swap('"eval_count"', '"count"'),
  'ollama.chat.num-predict': swap('"length"', '"stop"'),
  'ollama.chat.stop': swap('"content":"', '"content":"three '),
  'ollama.chat.format': swap('"content":"', '"content":"no '),
  'ollama.chat.tools': swap('"arguments"', '"args"'),
  'ollama.chat.unknown-fields': refusing('x-unknown'),
  'ollama.chat.abort': HOLD,
  'ollama.error.model': status(404, 200),
  'ollama.error.json': status(400, 500),
  'ollama.embed': swap('"embeddings"', '"vectors"'),
  'ollama.embed.one': swap('"embeddings":[[', '"embeddings":[[],['),
  'ollama.embeddings': swap('"embedding"', '"vector"'),
  'mcp.initialize': swap('"serverInfo"', '"server"'),
  'mcp.initialize.version': swap(/"protocolVersion":"[^"]+"/g, '"protocolVersion":"1999-01-01"'),
  'mcp.ping': swap('"result":{}', '"result":{"a":1}'),
  'mcp.session.end': status(404, 200),
  'mcp.session.unknown': status(404, 200),
  'mcp.version.unknown': status(400, 200),
  'mcp.origin': status(403, 200),
  'mcp.tools.list': swap('"inputSchema"', '"schema"'),
  'mcp.tools.unknown': swap('-32602', '-32000'),
  'mcp.resources.list': swap('"uri"', '"url"'),
  'mcp.resources.unknown': swap('-32602', '-32000'),
  'mcp.error.method': swap('-32601', '-32600'),
  'mcp.error.json': status(400, 200),
  'mcp.modern.discover': swap('"supportedVersions"', '"versions"'),
  'mcp.modern.tools': ({ type, text }) =>
    type.includes('json') ? { text: text.replace('"name":"mesh_status"', '"name":"other"') } : {},
  'mcp.modern.headers': status(400, 200)
}

let devices: Devices
let url: string
beforeAll(async () => {
  devices = await startDevices()
  url = devices.baseURL
})
afterAll(() => devices[Symbol.asyncDispose]())

async function results(more: Partial<Parameters<typeof run>[0]> = {}): Promise<Result[]> {
  const models = { model: TALKER, embedder: EMBEDDER, token: devices.token }
  const all = {
    url,
    ...models,
    checks: CHECKS,
    limitMs: 20_000,
    skipFaces: false,
    clock: systemClock,
    ...more
  }
  return Array.fromAsync(run(all))
}

describe('the checks', () => {
  it('each have a name of their own, one sentence and a public source', () => {
    assert.equal(new Set(CHECKS.map(({ fullName }) => fullName)).size, CHECKS.length)
    for (const { promise, source } of CHECKS) {
      assert.match(promise, /^.*[^.]\.$/)
      assert.match(source, /^https:\/\//)
    }
  })

  it('all pass against a node whose models another device has', async () => {
    const wrong = (await results()).filter(({ outcome }) => outcome !== 'passed')
    expect(wrong.map(({ check, reason }) => `${check.fullName}: ${reason}`)).toEqual([])
  })

  it('each find a server that breaks their promise', async () => {
    expect(Object.keys(FAULTS).sort()).toEqual(CHECKS.map(({ fullName }) => fullName).sort())
    const missed: string[] = []
    for (const check of CHECKS) {
      using proxy = await startSpoilingProxy(url.replace(/\/v1$/, ''))
      const fault = FAULTS[check.fullName]!
      proxy.spoil(fault)
      const limitMs = fault === HOLD ? 700 : 20_000
      const [result] = await results({ url: proxy.url, checks: [check], limitMs })
      if (result!.outcome !== 'failed') missed.push(`${check.fullName} ${result!.outcome} ${result!.reason}`)
    }
    expect(missed).toEqual([])
  })
})

/** A server that answers all in one way. */
async function serving(answer: (headers: object) => [status: number, body: string, headers?: object]) {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    const [status, body, headers = {}] = answer(request.headers)
    response.writeHead(status, { ...headers }).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('a hostile server', () => {
  it('is given the token in the header only, and the token is printed nowhere', async () => {
    const token = 'a-secret-of-mine'
    const server = await serving(headers => [500, `${JSON.stringify(headers)}\u001b[2J]]>&"<`])
    const all = await results({ url: server.url, token })
    assert.ok(all.every(({ outcome }) => outcome !== 'passed'))
    assert.ok(!JSON.stringify(all).includes(token))
    assert.ok(JSON.stringify(all).includes('[token]'))
    assert.ok(server.seen.every(line => !line.includes(token)))
    const xml = junit(all)
    assert.ok(!xml.includes('\u001b') && !xml.includes(token))
    assert.match(xml, new RegExp(`<testsuites name="lumos-node conformance" tests="${all.length}"`))
    assert.equal(xml.match(/<testcase /g)?.length, all.length)
  })

  it('sends no request, and so no token, anywhere else', async () => {
    const other = await serving(() => [200, '{}'])
    const server = await serving(() => [307, '', { location: `${other.url}/v1/models` }])
    const all = await results({ url: server.url })
    assert.ok(all.every(({ outcome }) => outcome !== 'passed'))
    assert.deepEqual(other.seen, [])
  })

  it('holds a check no longer than its limit', async () => {
    const server = createServer((_, response) => void response.writeHead(200).write('{'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const [first] = await results({
      url: `http://127.0.0.1:${port}`,
      checks: CHECKS.slice(0, 1),
      limitMs: 200
    })
    assert.deepEqual([first!.outcome, first!.reason], ['failed', 'it took longer than 0.2 s'])
  })
})

describe('the command', () => {
  it('prints what it found, writes JUnit, and ends with 0, 1 or 2', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'lumos-conformance-')), 'results.xml')
    const only = ['--only', 'openai.models.list', 'ping', '--junit', file]
    const env = { CONFORMANCE_TOKEN: devices.token }
    const nothing = await serving(() => [404, ''])
    const [good, bad, none] = await Promise.all([
      runCli(['conformance', url, ...only], { env }),
      runCli(['conformance', url, '--json', '--only', 'openai.models.list', '--token', 'wrong']),
      runCli(['conformance', nothing.url])
    ])
    assert.equal(good.code, 0, good.stderr)
    assert.match(good.stdout, /passed {3}openai\.models\.list.*passed {3}mcp\.ping.*2 passed, 0 failed/s)
    assert.ok(!good.stdout.includes(devices.token))
    assert.match(readFileSync(file, 'utf8'), /<testcase classname="mcp" name="ping" time="[\d.]+"\/>/)
    assert.equal(bad.code, 1)
    assert.match(JSON.parse(bad.stdout).checks[0].reason, /401/)
    assert.equal(none.code, 2, none.stderr)
  })

  it.each([
    [
      'an unknown check',
      { only: ['openai.model.list'] },
      'http://127.0.0.1:9',
      /Closest: openai\.models\.list/
    ],
    ['an address where nothing is', {}, 'http://127.0.0.1:9', /No server answers/],
    ['no address', {}, undefined, /address is missing/],
    ['an address of another kind', {}, 'file:///etc/passwd', /no address of HTTP/],
    ['a password in the address', {}, 'http://a:b@127.0.0.1:9', /Use --token/]
  ])('refuses %s as wrong usage', async (_, more, address, words) => {
    const options = { face: 'all', timeout: 5, ...more }
    const args = address === undefined ? [] : [address]
    const invocation = { args, options, output: new Output({ json: true }), program: undefined as never }
    await assert.rejects(command(invocation), (err: LumosError) => {
      assert.equal(err.code, 'USAGE')
      assert.match(`${err.message} ${err.hint}`, words)
      return true
    })
  })
})
