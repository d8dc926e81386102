/** A sign-in at an MCP server elsewhere, which is its own authorization server here. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createMcpHandler, McpServer as Served } from '@modelcontextprotocol/server'
import { afterAll, beforeAll, it } from 'vitest'
import * as z from 'zod'
import { systemClock } from '../../interface/clock.ts'
import { toLumosError } from '../../interface/errors.ts'
import { McpConnection } from '../../node/mcp/connection.ts'
import { McpServer } from '../../node/mcp/settings.ts'

const handler = createMcpHandler(() => {
  const server = new Served({ name: 'wiki', version: '1' })
  server.registerTool('page', { inputSchema: z.object({}) }, () => ({
    content: [{ type: 'text', text: 'a page' }]
  }))
  return server
})

const grants: string[] = []
/** Of the requests to the server, by the host that they name. */
const shown: string[] = []
let valid = ''
/** Whether a token to refresh by is worth anything. */
let granted = true
let challenge = ''
let url = ''

/** Token `t1` for the code, `t2` for the token to refresh by, and so on. */
async function answer(request: IncomingMessage): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url!, url)
  const body = await text(request)
  switch (pathname) {
    case '/mcp': {
      shown.push(`${request.headers.host!.split(':')[0]} ${request.headers.authorization}`)
      if (valid === '' || request.headers.authorization !== `Bearer ${valid}`)
        return new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer scope="pages"' } })
      const headers = new Headers(request.headers as Record<string, string>)
      return handler.fetch(
        new Request(`${url}/mcp`, { method: request.method!, headers, body: body || null })
      )
    }
    case '/.well-known/oauth-protected-resource/mcp':
      return Response.json({ resource: `${url}/mcp`, authorization_servers: [url] })
    case '/.well-known/oauth-authorization-server':
      return Response.json({
        ...{ issuer: url, authorization_endpoint: `${url}/authorize`, token_endpoint: `${url}/token` },
        ...{ registration_endpoint: `${url}/register`, response_types_supported: ['code'] },
        ...{ code_challenge_methods_supported: ['S256'], token_endpoint_auth_methods_supported: ['none'] }
      })
    case '/register':
      return Response.json({ ...JSON.parse(body), client_id: 'c1' }, { status: 201 })
    case '/authorize': {
      assert.equal(searchParams.get('scope'), 'pages')
      challenge = searchParams.get('code_challenge')!
      const back = `${searchParams.get('redirect_uri')}?code=k&state=${searchParams.get('state')}`
      return new Response('', { status: 302, headers: { location: back } })
    }
    case '/token': {
      const given = new URLSearchParams(body)
      if (!granted) return Response.json({ error: 'invalid_grant' }, { status: 400 })
      grants.push(given.get('grant_type')!)
      if (given.get('code') === 'k')
        assert.equal(createHash('sha256').update(given.get('code_verifier')!).digest('base64url'), challenge)
      valid = `t${grants.length}`
      return Response.json({ access_token: valid, token_type: 'Bearer', refresh_token: 'r' })
    }
  }
  return new Response('', { status: 404 })
}

const server = createServer(async (request, response) => {
  const { status, headers, body } = await answer(request)
  response.writeHead(status, Object.fromEntries(headers))
  for await (const chunk of body ?? []) response.write(chunk)
  response.end()
})
const directory = mkdtempSync(join(tmpdir(), 'lumos-sign-in-'))

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
  rmSync(directory, { recursive: true })
})

const connectionTo = (server = url) =>
  new McpConnection('wiki', McpServer.parse({ url: `${server}/mcp`, oauth: {} }), systemClock, directory)

it('is asked of the owner alone, kept for the user of the node, and renewed without a person', async () => {
  const connection = connectionTo()
  const options = { budgetMs: 10_000, seesSignIn: true }
  const refused = await connection.tools(options).catch(toLumosError)
  assert.ok(!Array.isArray(refused) && 'code' in refused && refused.code === 'DENIED')
  const address = String(refused.details.address)
  await assert.rejects(
    connection.tools({ ...options, seesSignIn: false }),
    ({ hint, details }: typeof refused) => {
      assert.doesNotMatch(JSON.stringify([hint, details]), /authorize/)
      return true
    }
  )

  const { headers } = await fetch(address, { redirect: 'manual' })
  const back = headers.get('location')!
  for (const path of ['//', '/', '/callback', '/callback?state='])
    assert.equal((await fetch(new URL(back).origin + path)).status, 404)
  assert.equal((await fetch(back.replace(/state=.*/, 'state=guessed'))).status, 404)
  assert.deepEqual(grants, [])
  assert.equal((await fetch(back)).status, 200)
  assert.equal((await fetch(back)).status, 404)
  assert.equal((await connection.tools(options))[0]!.name, 'page')

  valid = 'ended'
  const { content } = await connection.call({ server: 'wiki', tool: 'page', input: {} }, options)
  assert.deepEqual(content, [{ type: 'text', text: 'a page' }])
  assert.deepEqual(grants, ['authorization_code', 'refresh_token'])
  await connection.close()

  assert.equal(statSync(join(directory, 'wiki.json')).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(directory), ['wiki.json'])
  const again = connectionTo()
  assert.equal((await again.tools(options)).length, 1)
  await again.close()
  // Nothing waits for a browser any more.
  await assert.rejects(fetch(back))
})

it('is asked anew after the connection was closed, and ends the sign-in that began first', async () => {
  const connection = connectionTo()
  const options = { budgetMs: 10_000, seesSignIn: true }
  await connection.tools(options)
  await connection.close()
  valid = ''
  granted = false
  const first = await connection.tools(options).catch(toLumosError)
  const again = await connection.tools(options).catch(toLumosError)
  assert.ok('details' in first && 'details' in again)
  assert.deepEqual(again.details, first.details)
  granted = true
  const { headers } = await fetch(String(first.details.address), { redirect: 'manual' })
  assert.equal((await fetch(headers.get('location')!)).status, 200)
  assert.equal((await connection.tools(options)).length, 1)
  await connection.close()
})

it('is for the server that it was made at, and goes without TLS to no other', async () => {
  const moved = connectionTo(url.replace('127.0.0.1', 'localhost'))
  await assert.rejects(moved.tools({ budgetMs: 10_000, seesSignIn: true }), { code: 'TOOL_FAILED' })
  await moved.close()
  assert.deepEqual(
    shown.filter(request => request.startsWith('localhost')),
    ['localhost undefined']
  )
})

it('of a client that is known is for an authorization server that the settings name', () => {
  const refused = { url: `${url}/mcp`, oauth: { clientId: 'c1' } }
  assert.equal(McpServer.safeParse(refused).success, false)
  assert.equal(McpServer.safeParse({ ...refused, oauth: { clientId: 'c1', issuer: url } }).success, true)
})
