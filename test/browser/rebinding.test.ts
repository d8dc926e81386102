/**
 * A hostile web page against a real node, in a real browser.
 *
 * The name `evil.test` leads to 127.0.0.1. First the attacker's page answers
 * there, on the port where the gateway will be; then the attacker's server ends
 * and the gateway begins. To the browser the page's own server has moved, which
 * is all that DNS rebinding does.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { startGateway } from '../gateway/running-gateway.ts'
import { chromiumPath, startChromium } from './chromium.ts'

const STOP = JSON.stringify({ unit: 'node.stop', input: {} })
/** Every name by which a page may try to reach this device. */
const NAMES = ['evil.test', '127.0.0.1', 'localhost', '0.0.0.0', '[::1]']
const SCRIPT = readFileSync(new URL('evil-page.js', import.meta.url), 'utf8')

if (chromiumPath === undefined) {
  console.warn('DID NOT RUN: a web page in a real browser. No Chromium is installed.')
}

/** What the page of `evil-page.js` tells of each attempt. */
interface Attempt {
  readonly how: string
  readonly read?: string
  readonly status?: number
}

type Gateway = Awaited<ReturnType<typeof startGateway>>

async function startServer(serve: RequestListener, port = 0) {
  const server = createServer(serve)
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await closed
    }
  }
}

const startAttacker = () =>
  startServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end(`<!doctype html><title>evil</title><body><script>${SCRIPT}</script>`)
  })

/** A page of the attacker whose server has gone from its port, for another one to come. */
async function reboundPage(browser: Browser): Promise<{ page: Page; port: number }> {
  await using attacker = await startAttacker()
  const page = await browser.newPage()
  await page.goto(`http://evil.test:${attacker.port}/`)
  return { page, port: attacker.port }
}

async function attackFrom(page: Page, port: number): Promise<Attempt[]> {
  const attempts: Attempt[] = []
  for (const name of NAMES) {
    const args = [`http://${name}:${port}`, STOP].map(arg => JSON.stringify(arg))
    attempts.push(...((await page.evaluate(`attack(${args})`)) as Attempt[]))
  }
  return attempts
}

function assertNothingGained(attempts: readonly Attempt[], gateway: Gateway): void {
  const { node, token } = gateway
  // Of units and of health, too: who is let in may read them, and nobody else.
  const secrets = ['TOOK EFFECT', node.peerId, token, 'mesh.status', '"ok"']
  const gained = attempts.filter(
    ({ read, status }) =>
      (status !== undefined && status < 400) || secrets.some(secret => read?.includes(secret))
  )
  assert.equal(attempts.length, NAMES.length * 49)
  assert.deepEqual(gained, [])
  assert.equal(gateway.stops(), 0)
  assert.deepEqual(gateway.engine.outcomes, [])
}

/** As the gateway's own pages do it. */
async function logIn(page: Page, { port, token }: Gateway): Promise<void> {
  await page.goto(`http://127.0.0.1:${port}/health/live`)
  assert.equal(await page.evaluate(statusOf('/api/v2/session', `Bearer ${token}`, '{}')), 200)
}

const statusOf = (path: string, authorization: string | undefined, body: string): string => {
  const headers = { 'content-type': 'application/json', ...(authorization && { authorization }) }
  const init = JSON.stringify({ method: 'POST', headers, body })
  return `fetch(${JSON.stringify(path)}, ${init}).then(answer => answer.status)`
}

describe.skipIf(chromiumPath === undefined)('a web page in a real browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startChromium({ 'evil.test': '127.0.0.1' })
  })
  afterAll(() => browser?.close())

  it('gets through to a server that checks nothing, so that the tests below mean something', async () => {
    const { page, port } = await reboundPage(browser)
    const seen = new Set<string>()
    let stops = 0
    await using _careless = await startServer(async (request, response) => {
      seen.add(`${request.method} ${request.headers['content-type']?.split(';')[0]}`)
      if ((await text(request)).includes('node.stop')) stops++
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}')
    }, port)

    const attempts = await attackFrom(page, port)
    const read = attempts.filter(attempt => attempt.read?.includes('"ok"')).map(({ how }) => how)
    assert.ok(read.length > 30, `${read.length} were read`)
    assert.ok(read.every(how => how.includes('evil.test')))
    for (const type of [
      'text/plain',
      'application/json',
      'application/x-www-form-urlencoded',
      'multipart/form-data'
    ]) {
      assert.ok(seen.has(`POST ${type}`), type)
    }
    assert.ok(seen.has('OPTIONS undefined') && seen.has('DELETE undefined') && stops > 30, `${stops} stops`)
    await page.close()
  })

  it('reads nothing and changes nothing by a rebound name, nor by any name of this device', async () => {
    const { page, port } = await reboundPage(browser)
    await using gateway = await startGateway({ port })
    assert.equal(gateway.port, port)

    const attempts = await attackFrom(page, port)
    assertNothingGained(attempts, gateway)
    // By its own name it does read answers: that it is refused.
    const refusals = attempts.filter(({ read }) => read?.includes('This Host is not served here'))
    assert.ok(refusals.length > 30 && refusals.every(({ how }) => how.includes('evil.test')))
    await page.close()
  })

  it('gains nothing from a person who is logged in, not even on another port of the same address', async () => {
    await using gateway = await startGateway()
    await using attacker = await startAttacker()
    const context = await browser.newContext()
    const own = await context.newPage()
    await logIn(own, gateway)

    for (const name of ['127.0.0.1', 'evil.test']) {
      const page = await context.newPage()
      await page.goto(`http://${name}:${attacker.port}/`)
      assertNothingGained(await attackFrom(page, gateway.port), gateway)
      await page.close()
    }
    // Nobody has logged out either.
    await own.goto(`http://127.0.0.1:${gateway.port}/api/v2/units`)
    assert.match((await own.textContent('body'))!, /mesh\.status/)
    await context.close()
  })

  it('that is the gateway’s own is let in by the token, and then by the cookie that it cannot read', async () => {
    await using gateway = await startGateway()
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`http://127.0.0.1:${gateway.port}/health/live`)
    assert.equal(await page.evaluate(statusOf('/api/v2/execute', undefined, STOP)), 401)

    await logIn(page, gateway)
    assert.equal(await page.evaluate('document.cookie'), '')
    assert.equal(await page.evaluate(statusOf('/api/v2/execute', undefined, STOP)), 200)
    assert.equal(gateway.stops(), 1)
    await context.close()
  })
})
