/** Tokens of programs: what each opens, where it is kept, and what ends with it. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { NamedTokens } from '../../gateway/index.ts'
import { Sessions } from '../../gateway/sessions.ts'
import { tokenFile } from '../../storage/home/token-file.ts'
import { OF_ONE_MAX } from '../../units/shares.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { memoryTokens } from './memory-tokens.ts'
import { rawStatus, startGateway } from './running-gateway.ts'

type Started = Awaited<ReturnType<typeof startGateway>>
let gateway: Started

beforeAll(async () => {
  gateway = await startGateway()
})

afterAll(() => gateway[Symbol.asyncDispose]())

async function create(name: string, wanted: object = {}): Promise<string> {
  const input = { name, permissions: ['read', 'use'], ...wanted }
  const { body } = await gateway.local('/api/v2/execute', { unit: 'token.create', input })
  assert.equal(body.error, null)
  return body.data.secret
}

const local = async (unit: string, input: object = {}) =>
  (await gateway.local('/api/v2/execute', { unit, input })).body

/** The status and the code of a call with this token. */
async function ask(secret: string, unit: string, input: object = {}) {
  const authorization = `Bearer ${secret}`
  const { status, body } = await gateway.tcp('/api/v2/execute', { unit, input }, { authorization })
  return `${status} ${body.error?.code ?? 'ok'}`
}

describe('a named token', () => {
  it('opens what its permissions and its units allow, and nothing more, at once', async () => {
    const reader = await create('reader', { permissions: ['read'] })
    assert.equal(await ask(reader, 'mesh.status'), '200 ok')
    assert.equal(await ask(reader, 'inference.chat', { messages: [] }), '403 DENIED')
    assert.equal(await ask(reader, 'node.stop'), '403 DENIED')

    const all = ['read', 'use', 'manage']
    const asker = await create('asker', { permissions: all, units: ['inference.*', 'model.list'] })
    assert.equal(await ask(asker, 'model.list'), '200 ok')
    const messages = [{ role: 'user', content: 'well then' }]
    assert.equal(await ask(asker, 'inference.chat', { messages, model: 'held' }), '200 ok')
    for (const unit of ['model.get', 'mesh.status', 'node.stop', 'inferences.chat', 'event.list']) {
      const outcome = await ask(asker, unit)
      assert.ok(['403 DENIED', '404 UNIT_NOT_FOUND'].includes(outcome), `${unit}: ${outcome}`)
    }
    assert.equal(gateway.stops(), 0)

    // No other way leads past the list: what is listed, and events, which a unit gives.
    const authorization = `Bearer ${asker}`
    const get = async (path: string) => (await gateway.tcp(path, undefined, { authorization })).status
    assert.deepEqual([await get('/api/v2/units'), await get('/api/v2/events')], [200, 403])
    assert.equal(await get('/v1/models'), 200)
  })

  it('has no permission for keys, and none of its kind is made, listed or ended with a token', async () => {
    const input = { name: 'owner', permissions: ['read', 'keys'] }
    assert.equal((await local('token.create', input)).error.code, 'INVALID_INPUT')
    const all = await create('everything', { permissions: ['read', 'use', 'manage'] })
    for (const secret of [all, gateway.token]) {
      for (const unit of ['token.list', 'gateway.rotate_token', 'mesh.export_root']) {
        assert.equal(await ask(secret, unit), '403 DENIED')
      }
      assert.equal(await ask(secret, 'token.revoke', { name: 'everything' }), '403 DENIED')
      assert.equal(await ask(secret, 'token.create', { name: 'x', permissions: ['read'] }), '403 DENIED')
    }
  })

  it('is kept as a hash, in a file for its owner only, and shown once', async () => {
    const secret = await create('kept', { units: ['mesh.*'], expires_in: '30d' })
    assert.match(secret, /^lumos_[\w-]{43}$/)
    const path = join(gateway.home, 'gateway-tokens.json')
    const text = await readFile(path, 'utf8')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.ok(text.includes('"kept"') && !text.includes(secret.slice(6)))

    const { data } = await local('token.list')
    assert.ok(!JSON.stringify(data).includes(secret) && !JSON.stringify(data).includes('sha256'))
    const { created_at_ms, expires_at_ms, ...rest } = data.items.find(
      (item: { name: string }) => item.name === 'kept'
    )
    assert.deepEqual(rest, {
      ...{ name: 'kept', permissions: ['read', 'use'], units: ['mesh.*'], last_used_at_ms: null }
    })
    assert.equal(expires_at_ms - created_at_ms, 30 * 86_400_000)
    assert.equal(
      (await local('token.create', { name: 'kept', permissions: ['use'] })).error.code,
      'INVALID_INPUT'
    )
  })

  it('opens /v1 too, shown as a bearer or as x-api-key, which must not differ', async () => {
    const secret = await create('v1')
    const status = async (headers: Record<string, string>) =>
      (await gateway.tcp('/v1/models', undefined, headers)).status
    assert.equal(await status({ authorization: `Bearer ${secret}` }), 200)
    const host = `Host: 127.0.0.1:${gateway.port}`
    const raw = (...headers: string[]) =>
      rawStatus(gateway.port, ['GET /v1/models HTTP/1.1', host, ...headers, '', ''].join('\r\n'))
    assert.equal(await raw(`X-Api-Key: ${secret}`), 200)
    assert.equal(await raw(`X-Api-Key: ${gateway.token}`), 200)
    assert.equal(await raw(`X-Api-Key: ${secret}`, `Authorization: Bearer ${secret}`), 200)
    for (const headers of [
      ['X-Api-Key: wrong'],
      ['X-Api-Key:'],
      [`X-Api-Key: Bearer ${secret}`],
      [`X-Api-Key: ${secret}`, `Authorization: Bearer ${gateway.token}`],
      [`X-Api-Key: wrong`, `Authorization: Bearer ${gateway.token}`],
      [`X-Api-Key: ${secret}`, 'Authorization: Bearer wrong'],
      [`X-Api-Key: ${secret}`, `Authorization: Basic ${secret}`],
      [`X-Api-Key: ${secret}`, `X-Api-Key: ${gateway.token}`],
      [`Authorization: Bearer ${secret}`, `Authorization: Bearer ${gateway.token}`]
    ]) {
      assert.equal(await raw(...headers), 401, headers.join(', '))
    }
  })

  it('hands its rights to a session, which ends with it, as its streams do; others go on', async () => {
    const secret = await create('browser', { permissions: ['read'] })
    const authorization = `Bearer ${secret}`
    const { headers } = await gateway.tcp('/api/v2/session', {}, { authorization })
    const cookie = headers['set-cookie']![0]!.split(';')[0]!
    const page = async (unit: string) => (await gateway.page('/api/v2/execute', { unit }, cookie)).status
    assert.deepEqual([await page('mesh.status'), await page('node.stop')], [200, 403])
    const opened = async (headers: Record<string, string>): Promise<string[]> =>
      (await gateway.tcp('/api/v2/session', undefined, headers)).body.data.units
    const [reads, all] = [await opened({ authorization }), await opened({})]
    assert.deepEqual(
      ['mesh.status', 'inference.chat', 'node.drain', 'token.create'].map(unit => [
        reads.includes(unit),
        all.includes(unit)
      ]),
      [
        [true, true],
        [false, true],
        [false, true],
        [false, false]
      ]
    )
    const own = await gateway.tcp('/api/v2/session', {})
    const ownCookie = own.headers['set-cookie']![0]!.split(';')[0]!

    const watch = async (token: string) => {
      const watching = request({
        ...{ port: gateway.port, host: '127.0.0.1', path: '/api/v2/events' },
        headers: { authorization: `Bearer ${token}` }
      })
      watching.end()
      const [stream] = await once(watching, 'response')
      stream.resume()
      return stream
    }
    const [stream, other] = [await watch(secret), await watch(gateway.token)]
    const cut = once(stream, 'error')
    assert.equal((await local('token.revoke', { name: 'browser' })).error, null)
    await cut

    assert.equal(await page('mesh.status'), 401)
    assert.equal(await ask(secret, 'mesh.status'), '401 UNAUTHENTICATED')
    assert.equal((await local('token.revoke', { name: 'browser' })).error.code, 'TOKEN_NOT_FOUND')
    // The name is free again, and opens nothing of what ended.
    await create('browser', { permissions: ['read', 'manage'] })
    assert.equal(await page('mesh.status'), 401)
    assert.equal(other.destroyed, false)
    assert.equal((await gateway.page('/api/v2/execute', { unit: 'mesh.status' }, ownCookie)).status, 200)
    other.destroy()
  })
})

describe('streams of events', () => {
  it('have a share for each token, over both routes, which takes no place of others', async () => {
    const [greedy, other] = [await create('greedy'), await create('modest')]
    const open = async (secret: string, method: 'GET' | 'POST' = 'GET') => {
      const authorization = `Bearer ${secret}`
      const path = method === 'GET' ? '/api/v2/events' : '/api/v2/stream'
      const headers = { authorization, 'content-type': 'application/json' }
      const asked = request({ port: gateway.port, host: '127.0.0.1', path, method, headers })
      asked.end(method === 'GET' ? undefined : JSON.stringify({ unit: 'event.list' }))
      const [stream] = await once(asked, 'response')
      // Its place is taken by then.
      await once(stream, 'data')
      stream.on('error', () => {})
      return stream
    }
    const streams = []
    for (let n = 0; n < OF_ONE_MAX; n++) streams.push(await open(greedy, n % 2 ? 'GET' : 'POST'))
    for (const method of ['GET', 'POST'] as const) assert.equal((await open(greedy, method)).statusCode, 429)
    // A single answer has an end, and is no stream.
    assert.equal(await ask(greedy, 'event.list'), '200 ok')
    for (const secret of [other, gateway.token]) {
      const stream = await open(secret)
      assert.equal(stream.statusCode, 200)
      stream.destroy()
    }
    streams[0].destroy()
    await vi.waitUntil(
      async () => {
        const again = await open(greedy)
        streams.push(again)
        return again.statusCode === 200
      },
      { interval: 20, timeout: 10_000 }
    )
    for (const stream of streams) stream.destroy()
  })
})

describe('named tokens', () => {
  const wanted = { name: 'brief', permissions: ['use' as const], expiresIn: '1h' }

  it('expire by the clock of the wall, with their sessions, also while nobody asks', () => {
    const clock = new ManualClock()
    const { tokens } = memoryTokens(clock)
    const { secret } = tokens.create(wanted)
    const sessions = new Sessions(clock)
    const caller = tokens.callerOf(secret)!
    const session = sessions.begin(caller)
    clock.advance(3_599_999)
    assert.equal(tokens.callerOf(secret), caller)
    assert.equal(sessions.callerOf(session), caller)
    clock.advance(1)
    assert.equal(caller.ended!.aborted, true)
    assert.equal(tokens.callerOf(secret), undefined)
    assert.equal(sessions.callerOf(session), undefined)
    assert.deepEqual(
      tokens.list().map(({ name }) => name),
      ['brief']
    )
  })

  it('are there after a restart, with their last use, which is written once an hour at most', () => {
    const clock = new ManualClock()
    const { tokens, store, writes } = memoryTokens(clock)
    const { secret } = tokens.create({ ...wanted, expiresIn: '1d' })
    for (let i = 0; i < 10; i++) tokens.callerOf(secret)
    assert.equal(writes.length, 2)
    clock.advance(3_600_000)
    tokens.callerOf(secret)
    assert.equal(writes.length, 3)

    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const again = new NamedTokens({ store, clock, log })
    assert.deepEqual(again.list(), tokens.list())
    assert.equal(again.list()[0]!.lastUsedAtMs, clock.wallMs())
    assert.deepEqual(again.callerOf(secret)!.permissions, ['use'])
  })

  it('are few, and one that cannot be written opens nothing', () => {
    const { tokens, store } = memoryTokens(new ManualClock())
    for (let n = 0; n < 64; n++) tokens.create({ name: `n${n}`, permissions: ['use'] })
    assert.throws(() => tokens.create({ name: 'more', permissions: ['use'] }), { code: 'INVALID_INPUT' })
    store.write = () => {
      throw new Error('full')
    }
    assert.throws(() => tokens.revoke('n0'), /full/)
    assert.equal(tokens.callerOf('lumos_1')?.token, 'n0')
    assert.equal(tokens.list().length, 64)
  })

  it('in a file that was changed by hand are refused as damage, never taken for fewer', async () => {
    const path = join(gateway.home, 'gateway-tokens.json')
    for (const text of ['', '{}', '[]', '{"tokens":[{}]}', '{"tokens":[{"name":"x"}]}', '{"tokens":null}']) {
      await writeFile(path, text)
      assert.throws(() => tokenFile(gateway.home).read(), { code: 'STORE_DAMAGED' }, text)
    }
  })
})
