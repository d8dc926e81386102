/**
 * What a web page, or another user of this device, can try: every combination
 * of Host, Origin, content type and method, written byte for byte, because no
 * client library would send most of them.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, it } from 'vitest'
import { callerWith } from '../units/callers.ts'
import { cookieOf, listenAs, rawStatus, startGateway } from './running-gateway.ts'

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some(found => found?.address === '::1')

const STOP = JSON.stringify({ unit: 'node.stop', input: {} })

interface Attempt {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
}

interface Expectation extends Attempt {
  readonly expected: number
}

/** Each attempt that was answered in another way than expected. */
async function wrongAnswers(port: number, attempts: readonly Expectation[]): Promise<string[]> {
  const wrong: string[] = []
  for (const attempt of attempts) {
    const status = await rawStatus(port, write(attempt))
    if (status !== attempt.expected)
      wrong.push(`${status}, not ${attempt.expected}: ${JSON.stringify(attempt)}`)
  }
  return wrong
}

const write = ({ method, target, headers }: Attempt): string =>
  [`${method} ${target} HTTP/1.1`, ...headers, `Content-Length: ${STOP.length}`, '', STOP].join('\r\n')

const wrongHosts = (port: number): string[][] =>
  [
    '0.0.0.0:PORT',
    '[::ffff:127.0.0.1]:PORT',
    '[::2]:PORT',
    '127.1:PORT',
    '2130706433:PORT',
    '0x7f.0.0.1:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.0.0.1.:PORT',
    '127.0.0.1:PORT.',
    '127.0.0.1:0PORT',
    '127.0.0.1:PORT/',
    '127.0.0.1:PORT@evil.example',
    'user@127.0.0.1:PORT',
    'localhost',
    'localhost.:PORT',
    'localhost.evil:PORT',
    'evil.localhost:PORT',
    'evil.local:PORT',
    'evil.internal:PORT',
    'evil.example:PORT',
    'evil.example',
    'localhost:PORT, evil.example',
    ' ',
    ''
  ]
    .map(host => [`Host: ${host.replace('PORT', String(port))}`])
    .concat([
      [],
      [`Host: 127.0.0.1:${port}`, 'Host: evil.example'],
      [`Host: 127.0.0.1:${port}`, `Host: localhost:${port}`]
    ])

const wrongOrigins = (port: number): string[] => [
  'null',
  '',
  'http://evil.example',
  `http://evil.example:${port}`,
  `https://127.0.0.1:${port}`,
  `https://localhost:${port}`,
  'http://127.0.0.1',
  'http://localhost',
  'http://127.0.0.1:1',
  `http://localhost:${port}.evil.example`,
  `http://localhost.:${port}`,
  `http://LOCALHOST:${port}`,
  `http://0.0.0.0:${port}`,
  `http://[::2]:${port}`,
  `http://127.0.0.1:${port}/`,
  `http://127.0.0.1:${port} http://evil.example`,
  `abcd://127.0.0.1:${port}`,
  'file://',
  'chrome-extension://abcdefghijklmnop',
  'http://evil.local',
  `http://user@127.0.0.1:${port}`
]

const WRONG_TYPES = [
  undefined,
  '',
  'text/plain',
  'text/plain; application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonp',
  'application/json-patch+json',
  'application/json, text/plain',
  'application/json; charset=utf-16',
  'text/json',
  '*/*'
]

/** Of `/api/v2/execute` and its like, for checks that read what is written. */
const SPELLINGS = [
  '/v1/../api/v2/execute',
  '/v1/..',
  '/v1/./../api/v2/execute',
  '/v1/%2e%2e/api/v2/execute',
  '/v1/.%2E/api/v2/execute',
  '/v1/..\\api/v2/execute',
  '/api/%762/execute',
  '/api/v%32/execute',
  '/%61pi/v2/execute',
  '/api/v2/exec%75te',
  '/api/v2/health/../units',
  '/api/v2/health#/../units',
  '/v1/audio/transcriptions/../../../api/v2/execute',
  '/%6Detrics'
]

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']

describe('the gateway on loopback TCP', () => {
  it('refuses a path that its router would read in another way, and takes an id with escaped signs', async () => {
    await using gateway = await startGateway({ origins: ['https://listed.example'] })
    const { port, token } = gateway
    const host = `Host: 127.0.0.1:${port}`
    const bearer = `Authorization: Bearer ${token}`
    const json = 'Content-Type: application/json'
    const attempts = SPELLINGS.flatMap(target => [
      { method: 'POST', target, headers: [host, json, bearer], expected: 403 },
      { method: 'OPTIONS', target, headers: [host, 'Origin: https://listed.example'], expected: 403 }
    ])
    assert.deepEqual(await wrongAnswers(port, attempts), [])
    assert.equal(gateway.stops(), 0)
    for (const [id, status] of [
      ['held', 200],
      ['a%2Fb%3Ac%20%C3%A9%7E', 404],
      ['...', 404]
    ])
      assert.equal((await gateway.tcp(`/v1/models/${id}?a=/../b%2e`)).status, status, `${id}`)
  })

  it('has routes of an adopted port that look at the path themselves, however it was written', async () => {
    await using gateway = await startGateway()
    await using port = await listenAs(gateway, callerWith('read', 'use'), { listener: 'ollama' })
    for (const path of ['/api/v2', '/v1/../api/v2', '/api/%762', '/v1/%2e%2e/api/v2'])
      assert.equal((await port.post(`${path}/query/mesh.status`, {})).error.code, 'DENIED', path)
    assert.equal((await port.send('/api/show', { model: 'none' })).status, 404)
  })

  it('remembers the last origins that were refused /v1, and says them with the status', async () => {
    await using gateway = await startGateway()
    const ask = (origin: string, target = '/v1/models') => {
      const host = `Host: 127.0.0.1:${gateway.port}`
      return rawStatus(gateway.port, write({ method: 'GET', target, headers: [host, `Origin: ${origin}`] }))
    }
    const pages = Array.from({ length: 10 }, (_, i) => `https://page-${i}.example`)
    for (const page of pages) assert.equal(await ask(page), 403)
    assert.equal(await ask(pages[5]!), 403)
    assert.equal(await ask('https://other.example', '/api/v2/units'), 403)
    assert.equal(await ask(`http://127.0.0.1:${gateway.port}`), 401)
    const { body } = await gateway.local('/api/v2/execute', { unit: 'mesh.status', input: {} })
    assert.deepEqual(
      body.data.refused_origins,
      [5, 9, 8, 7, 6, 4, 3, 2].map(i => pages[i])
    )
  })

  it('refuses the same on the routes of other protocols', async () => {
    await using gateway = await startGateway()
    const { port, token } = gateway
    const host = `Host: 127.0.0.1:${port}`
    const bearer = `Authorization: Bearer ${token}`
    const json = 'Content-Type: application/json'
    const bytes = 'Content-Type: application/octet-stream'
    const paths = [
      '/v1/messages',
      '/v1/messages/count_tokens',
      '/v2/models/a%2Fb/infer',
      '/api/v0/embeddings'
    ]
    const attempts = paths.flatMap((target): Expectation[] => {
      const post = (expected: number, ...headers: string[]) => ({ method: 'POST', target, headers, expected })
      return [
        post(403, `Host: evil.example:${port}`, bearer, json),
        post(403, host, 'Origin: http://evil.example', bearer, json),
        post(401, host, json),
        post(401, host, `X-Api-Key: ${token}x`, json),
        post(415, host, bearer, 'Content-Type: text/plain'),
        post(415, host, bearer, bytes),
        ...(target.startsWith('/v2')
          ? []
          : [post(415, host, bearer, bytes, 'Inference-Header-Content-Length: 2')])
      ]
    })
    assert.deepEqual(await wrongAnswers(port, attempts), [])
    assert.equal(gateway.stops(), 0)
  })

  it('refuses every wrong Host, Origin, token and content type, and changes nothing', async () => {
    await using gateway = await startGateway()
    const { port, token } = gateway
    const target = '/api/v2/execute'
    const host = `Host: 127.0.0.1:${port}`
    const bearer = `Authorization: Bearer ${token}`
    const json = 'Content-Type: application/json'
    const attempts: Expectation[] = []

    for (const hosts of wrongHosts(port)) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        attempts.push({ method, target, headers: [...hosts, bearer, json], expected: 403 })
      }
      attempts.push({ method: 'GET', target: '/health/live', headers: hosts, expected: 403 })
    }
    for (const origin of wrongOrigins(port)) {
      for (const method of METHODS) {
        attempts.push({ method, target, headers: [host, `Origin: ${origin}`, bearer, json], expected: 403 })
      }
    }
    for (const type of WRONG_TYPES) {
      const types = type === undefined ? [] : [`Content-Type: ${type}`]
      for (const name of ['127.0.0.1', 'localhost']) {
        const good = [`Host: ${name}:${port}`, bearer, ...types]
        attempts.push({ method: 'POST', target, headers: good, expected: 415 })
        attempts.push({
          method: 'POST',
          target,
          headers: [...good, `Origin: http://${name}:${port}`],
          expected: 415
        })
      }
    }
    for (const encoding of ['gzip', 'identity', 'br']) {
      const headers = [host, bearer, json, `Content-Encoding: ${encoding}`]
      attempts.push({ method: 'POST', target, headers, expected: 415 })
    }
    const strangers = [
      [],
      ['Authorization: '],
      ['Authorization: Bearer'],
      ['Authorization: Bearer wrong'],
      [`Authorization: Bearer ${token}x`],
      [`Authorization: Bearer ${token.slice(1)}`],
      [`Authorization: Basic ${token}`],
      [`Authorization: ${token}`],
      [`Cookie: token=${token}`],
      [`X-Authorization: Bearer ${token}`]
    ]
    for (const stranger of strangers) {
      for (const method of METHODS) {
        attempts.push({ method, target, headers: [host, ...stranger, json], expected: 401 })
      }
      const more = ['/openapi.json', '/api/v2/openapi.json', '/api/v2/calls/x', '/api/v2/models/list']
      for (const path of [...more, '/api/v2/units', `${target}?token=${token}`, '/index.html']) {
        attempts.push({ method: 'GET', target: path, headers: [host, ...stranger], expected: 401 })
      }
      attempts.push({
        method: 'POST',
        target: '/health/live',
        headers: [host, ...stranger, json],
        expected: 401
      })
    }
    for (const absolute of [
      `http://127.0.0.1:${port}${target}`,
      `http://evil.example${target}`,
      `//evil.example:${port}${target}`,
      '*'
    ]) {
      const headers = [host, bearer, json]
      const expected = absolute.startsWith('//') ? 404 : 403
      attempts.push({ method: absolute === '*' ? 'OPTIONS' : 'POST', target: absolute, headers, expected })
    }

    assert.ok(attempts.length >= 200, `${attempts.length} attempts`)
    assert.deepEqual(await wrongAnswers(port, attempts), [])
    assert.equal(gateway.stops(), 0)

    // The same request, with nothing wrong about it, does what it says.
    const good = { method: 'POST', target, headers: [host, bearer, json, `Origin: http://127.0.0.1:${port}`] }
    assert.equal(await rawStatus(port, write(good)), 200)
    assert.equal(gateway.stops(), 1)
  })

  it('believes a cookie only from its own pages, and only the right one', async () => {
    await using gateway = await startGateway()
    const { port, token } = gateway
    const target = '/api/v2/execute'
    const host = `Host: 127.0.0.1:${port}`
    const own = `Origin: http://127.0.0.1:${port}`
    const json = 'Content-Type: application/json'
    const [value, cookie] = await cookieOf(gateway)
    const attempts: Expectation[] = []

    // The cookie is right, and everything else about the request is not.
    const origins = [undefined, `http://localhost:${port}`, ...wrongOrigins(port)]
    for (const origin of origins) {
      const headers = [host, cookie, json, ...(origin === undefined ? [] : [`Origin: ${origin}`])]
      for (const method of METHODS.filter(method => method !== 'GET' && method !== 'HEAD')) {
        attempts.push({ method, target, headers, expected: 403 })
      }
      attempts.push({ method: 'DELETE', target: '/api/v2/session', headers, expected: 403 })
    }
    for (const site of ['cross-site', 'same-site', 'none, same-origin', '']) {
      const headers = [host, cookie, json, `Sec-Fetch-Site: ${site}`]
      attempts.push({ method: 'GET', target: '/api/v2/units', headers, expected: 403 })
      attempts.push({ method: 'POST', target, headers: [...headers, own], expected: 403 })
    }
    for (const hosts of wrongHosts(port)) {
      attempts.push({ method: 'POST', target, headers: [...hosts, cookie, json, own], expected: 403 })
      attempts.push({ method: 'GET', target: '/api/v2/units', headers: [...hosts, cookie], expected: 403 })
    }
    for (const type of WRONG_TYPES) {
      const types = type === undefined ? [] : [`Content-Type: ${type}`]
      attempts.push({ method: 'POST', target, headers: [host, cookie, own, ...types], expected: 415 })
    }

    // Everything is right but the cookie.
    const strangers = [
      `lumos_session_${port}=${token}`,
      `lumos_session_${port}=`,
      `lumos_session_${port}`,
      `lumos_session_${port}=${value}x`,
      `lumos_session_${port}="${value}"`,
      `lumos_session_${port + 1}=${value}`,
      `lumos_session=${value}`,
      `LUMOS_SESSION_${port}=${value}`,
      `x_lumos_session_${port}=${value}`,
      value,
      `${'a=b; '.repeat(100)}c=${value}`,
      // Only so many are looked at.
      `${`lumos_session_${port}=x; `.repeat(8)}lumos_session_${port}=${value}`
    ]
    for (const stranger of strangers) {
      const headers = [host, own, json, `Cookie: ${stranger}`]
      for (const method of METHODS) attempts.push({ method, target, headers, expected: 401 })
    }
    // A session begins no session, and covers for no wrong token.
    attempts.push({
      method: 'POST',
      target: '/api/v2/session',
      headers: [host, own, json, cookie],
      expected: 401
    })
    for (const given of ['Authorization: Bearer wrong', `Authorization: Bearer ${value}`, 'Authorization:']) {
      attempts.push({ method: 'POST', target, headers: [host, own, json, cookie, given], expected: 401 })
    }

    assert.ok(attempts.length >= 200, `${attempts.length} attempts`)
    assert.deepEqual(await wrongAnswers(port, attempts), [])
    assert.equal(gateway.stops(), 0)

    const reads = ['same-origin', 'none'].map(site => [host, cookie, `Sec-Fetch-Site: ${site}`])
    for (const headers of [[host, cookie], ...reads]) {
      assert.equal(await rawStatus(port, write({ method: 'GET', target: '/api/v2/units', headers })), 200)
    }
    const good = { method: 'POST', target, headers: [host, own, json, cookie, 'Sec-Fetch-Site: same-origin'] }
    assert.equal(await rawStatus(port, write(good)), 200)
    assert.equal(gateway.stops(), 1)
  })

  it('answers health without a token, and sends no CORS header to anybody', async () => {
    await using gateway = await startGateway()
    for (const path of ['/api/v2/health', '/health/live', '/health/ready?probe=1']) {
      const answer = await gateway.tcp(path, undefined, { authorization: '' })
      assert.equal(answer.status, 200)
      assert.deepEqual(answer.body, { status: 'ok' })
      const cors = Object.keys(answer.headers).filter(name => name.startsWith('access-control'))
      assert.deepEqual(cors, [])
    }
  })

  it('answers a HEAD of health, names hosts in any case, and says which setting lists another name', async () => {
    await using gateway = await startGateway()
    const port = Number(new URL(gateway.gateway.url!).port)
    const asked = (method: string, host: string) =>
      rawStatus(port, write({ method, target: '/health/live', headers: [`Host: ${host}:${port}`] }))
    assert.equal(await asked('HEAD', 'localhost'), 200)
    assert.equal(await asked('GET', 'LocalHost'), 200)
    const refused = await gateway.tcp('/health/live', undefined, { host: 'elsewhere' })
    assert.match(refused.body.error.hint, /gateway\.hosts/)
  })

  it('forbids other pages to load its answers as pictures, scripts or frames, refusals too', async () => {
    await using gateway = await startGateway()
    for (const [path, authorization] of [
      ['/health/live', ''],
      ['/api/v2/units', `Bearer ${gateway.token}`],
      ['/api/v2/units', ''],
      ['/nothing', `Bearer ${gateway.token}`]
    ] as const) {
      const { headers } = await gateway.tcp(path, undefined, { authorization })
      assert.deepEqual(
        [headers['cross-origin-resource-policy'], headers['x-frame-options']],
        ['same-origin', 'DENY']
      )
    }
  })

  it('refuses to bind wider than loopback without a list of hosts', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.2']) {
      await assert.rejects(startGateway({ host }), { code: 'CONFIG_INVALID' })
    }
  })

  it('bound wider answers its listed hosts and loopback, and no other name, and still wants a token', async () => {
    await using gateway = await startGateway({
      host: '0.0.0.0',
      hosts: ['den.lan', '192.168.1.2', 'fd00::2']
    })
    const { port, token } = gateway
    assert.equal(gateway.gateway.url, `http://127.0.0.1:${port}`)
    assert.equal(gateway.warnings.length, 1)

    const target = '/api/v2/units'
    const bearer = `Authorization: Bearer ${token}`
    const get = (host: string, ...headers: string[]) =>
      rawStatus(port, write({ method: 'GET', target, headers: [`Host: ${host}`, ...headers] }))
    for (const host of ['den.lan', '192.168.1.2', '[fd00::2]', '127.0.0.1', 'localhost']) {
      assert.equal(await get(`${host}:${port}`, bearer), 200, host)
      assert.equal(await get(`${host}:${port}`, bearer, `Origin: http://${host}:${port}`), 200, host)
      assert.equal(await get(`${host}:${port}`), 401, host)
    }
    for (const host of [
      `0.0.0.0:${port}`,
      `den.lan.:${port}`,
      `den.lan.evil:${port}`,
      `x.den.lan:${port}`,
      `other.lan:${port}`,
      `192.168.1.3:${port}`,
      'den.lan'
    ]) {
      assert.equal(await get(host, bearer), 403, host)
    }
  })

  it('tells health to strangers of this device only', async context => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find(found => found?.family === 'IPv4' && !found.internal)?.address
    if (address === undefined) return context.skip('this device has no address but loopback')

    await using gateway = await startGateway({ host: '0.0.0.0', hosts: [address] })
    const ask = (from: string) => fetch(`http://${from}:${gateway.port}/health/live`)
    assert.equal((await ask('127.0.0.1')).status, 200)
    assert.equal((await ask(address)).status, 401)
    // What the network is told of it.
    const { gateway: open, port } = gateway
    assert.deepEqual(open.reach, { host: '0.0.0.0', port, names: [address] })
  })

  it('asks no token of a health path that ends with a slash, which leads nowhere', async () => {
    await using gateway = await startGateway()
    assert.equal(gateway.gateway.reach, undefined)
    assert.equal((await gateway.tcp('/health/live/', undefined, { authorization: '' })).status, 404)
    assert.equal((await gateway.tcp('/health/live//', undefined, { authorization: '' })).status, 401)
  })

  it('binds both loopback addresses at one port, whatever the client calls it', async context => {
    if (!hasIpv6) return context.skip('this device has no IPv6')
    await using gateway = await startGateway()
    const { port } = gateway
    for (const ip of ['127.0.0.1', '::1']) {
      for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
        const request = write({
          method: 'GET',
          target: '/health/live',
          headers: [`Host: ${host}:${port}`, `Origin: http://${host}:${port}`]
        })
        assert.equal(await rawStatus(port, request, ip), 200, `${host} at ${ip}`)
        const stranger = write({ method: 'GET', target: '/api/v2/units', headers: [`Host: ${host}:${port}`] })
        assert.equal(await rawStatus(port, stranger, ip), 401, `${host} at ${ip}`)
      }
    }
    await gateway.gateway.close({ drainMs: 0 })
    const gone = (ip: string) => assert.rejects(rawStatus(port, '', ip), { code: 'ECONNREFUSED' })
    await Promise.all([gone('127.0.0.1'), gone('::1')])
  })

  it('leaves a port alone that another program holds on the other loopback address', async context => {
    if (!hasIpv6) return context.skip('this device has no IPv6')
    const stranger = createServer().listen(0, '::1')
    await once(stranger, 'listening')
    const { port } = stranger.address() as AddressInfo
    try {
      await using gateway = await startGateway({ port })
      assert.notEqual(gateway.port, port)
      assert.equal(gateway.warnings.length, 1)
    } finally {
      stranger.close()
    }
  })

  it('binds loopback only, beside a socket that is for its owner only', async () => {
    await using gateway = await startGateway()
    assert.match(gateway.gateway.url!, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.equal((await stat(gateway.socketPath)).mode & 0o777, 0o600)
  })
})
