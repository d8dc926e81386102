/** Where an MCP server elsewhere may send the node, for a sign-in. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, it } from 'vitest'
import { fetchFor, MESSAGE_BYTES_MAX, type Network } from '../../node/mcp/server-fetch.ts'

const PUBLIC = new URL('https://tools.example/mcp')
const [key, cert] = ['key', 'cert'].map(name => readFileSync(`test/fixtures/tls/${name}.pem`, 'utf8'))

let server: Server
let port = 0
/** What the server was asked, after TLS. */
let asked: string[] = []
let answer: (request: IncomingMessage, response: ServerResponse) => void
/** Names that were looked up. */
let looked: string[] = []

beforeAll(async () => {
  server = createServer({ key: key!, cert: cert! }, (request, response) => answer(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  looked = []
  asked = []
  answer = async (request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['content-type']} ${await text(request)}`)
    response.setHeader('content-type', 'application/json').end('{"access_token":"t"}')
  }
})

/** Each name leads to this device, whose address stands for a public one unless it is of `inside`. */
const world = (inside: readonly string[] = []): Network => ({
  ca: cert!,
  isNear: host => inside.includes(host),
  lookup: ((name: string, _: object, callback: (err: null, addresses: object[]) => void) => {
    looked.push(name)
    callback(null, [{ address: '127.0.0.1', family: 4 }])
  }) as unknown as NonNullable<Network['lookup']>
})
const refusal = (words: RegExp) => ({ code: 'TOOL_FAILED', message: words })

it('asks a public server where the owner signs in, by TLS, and gives its answer', async () => {
  const ask = fetchFor(PUBLIC, undefined, world())
  const body = new URLSearchParams({ grant_type: 'refresh_token' })
  const response = await ask(`https://127.0.0.1:${port}/token`, { method: 'POST', body })
  assert.deepEqual([response.status, await response.json()], [200, { access_token: 't' }])
  assert.deepEqual(asked, [
    'POST /token application/x-www-form-urlencoded;charset=UTF-8 grant_type=refresh_token'
  ])
})

it.each([
  'http://tools.example/token',
  'http://auth.example/token',
  'http://127.0.0.1/token',
  'ftp://tools.example/token'
])('of a server with TLS is sent to %s by nobody', async address => {
  await assert.rejects(fetchFor(PUBLIC, undefined, world())(address), refusal(/without TLS/))
  assert.deepEqual(looked, [])
})

it('of a server without TLS is sent to no other port of its name, which may mean the own network then', async () => {
  const plain = fetchFor(new URL('http://tools.example/mcp'), undefined, world())
  await assert.rejects(plain('http://tools.example:6379/'), refusal(/tools\.example:6379, without TLS/))
  const long = `http://${'x.'.repeat(1000)}example/`
  await assert.rejects(plain(long), refusal(/^The server sends this node to .{256}, without TLS\.$/))
  assert.deepEqual(looked, [])
})

it.each([
  'https://127.0.0.1/',
  'https://2130706433/',
  'https://[::1]/',
  'https://[::ffff:10.0.0.1]/',
  'https://169.254.169.254/latest/meta-data',
  'https://192.168.1.1/',
  'https://router.lan/'
])('of a public server is not sent to %s', async address => {
  await assert.rejects(fetchFor(PUBLIC, undefined)(address), refusal(/in its own network/))
})

it('of a public server is sent to no name that means an address of the own network', async () => {
  const address = `https://inside.example:${port}/token`
  const ask = fetchFor(PUBLIC, undefined, world(['127.0.0.1']))
  await assert.rejects(ask(address), refusal(/own network/))
  assert.deepEqual([looked, asked], [['inside.example'], []])

  // Named by the owner, or by a server that is there itself: the certificate is of no such name, and so is asked for.
  const meant = fetchFor(PUBLIC, 'https://inside.example', world(['127.0.0.1']))
  await assert.rejects(meant(address), refusal(/altnames/))
  const near = fetchFor(new URL('https://wiki.lan/mcp'), undefined, world(['127.0.0.1', 'wiki.lan']))
  await assert.rejects(near(address), refusal(/altnames/))
})

it('takes no other certificate, no redirect, and no answer without end', async () => {
  const address = `https://127.0.0.1:${port}/token`
  const { ca: _, ...others } = world()
  await assert.rejects(fetchFor(PUBLIC, undefined, others)(address), refusal(/self-signed/))
  const ask = fetchFor(PUBLIC, undefined, world())
  answer = (_, response) => response.writeHead(307, { location: `http://127.0.0.1:${port}/x` }).end()
  await assert.rejects(ask(address), refusal(/redirects/))
  const piece = Buffer.alloc(1024 * 1024)
  answer = (_, response) => {
    const more = () => {
      while (!response.destroyed && response.write(piece));
    }
    response.on('drain', more)
    more()
  }
  await assert.rejects((await ask(address)).text(), refusal(new RegExp(`${MESSAGE_BYTES_MAX} bytes`)))
})
