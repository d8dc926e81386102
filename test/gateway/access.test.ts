/**
 * What a web page, or another user of this device, can try: every combination
 * of Host, Origin, content type and method, written byte for byte, because no
 * client library would send most of them.
 */

import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { describe, it } from 'vitest'
import { rawStatus, startGateway } from './running-gateway.ts'

const STOP = JSON.stringify({ unit: 'node.stop', input: {} })

interface Attempt {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
}

const write = ({ method, target, headers }: Attempt): string =>
  [`${method} ${target} HTTP/1.1`, ...headers, `Content-Length: ${STOP.length}`, '', STOP].join('\r\n')

const wrongHosts = (port: number): string[][] =>
  [
    '0.0.0.0:PORT',
    '[::ffff:127.0.0.1]:PORT',
    '[::1]:PORT',
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
    'LOCALHOST:PORT',
    'LocalHost:PORT',
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
  `http://[::1]:${port}`,
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

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']

describe('the gateway on loopback TCP', () => {
  it('refuses every wrong Host, Origin, token and content type, and changes nothing', async () => {
    await using gateway = await startGateway()
    const { port, token } = gateway
    const target = '/api/v2/execute'
    const host = `Host: 127.0.0.1:${port}`
    const bearer = `Authorization: Bearer ${token}`
    const json = 'Content-Type: application/json'
    const attempts: (Attempt & { expected: number })[] = []

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
      for (const path of ['/api/v2/units', `${target}?token=${token}`, '/api/v2/health/../units', '/']) {
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
    const wrong: string[] = []
    for (const attempt of attempts) {
      const status = await rawStatus(port, write(attempt))
      if (status !== attempt.expected)
        wrong.push(`${status}, not ${attempt.expected}: ${JSON.stringify(attempt)}`)
    }
    assert.deepEqual(wrong, [])
    assert.equal(gateway.stops(), 0)

    // The same request, with nothing wrong about it, does what it says.
    const good = { method: 'POST', target, headers: [host, bearer, json, `Origin: http://127.0.0.1:${port}`] }
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

  it('refuses to bind wider than loopback', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.2']) {
      await assert.rejects(startGateway({ host }), { code: 'CONFIG_INVALID' })
    }
  })

  it('binds 127.0.0.1 only, beside a socket that is for its owner only', async () => {
    await using gateway = await startGateway()
    assert.match(gateway.gateway.url!, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.equal((await stat(gateway.socketPath)).mode & 0o777, 0o600)
  })
})
