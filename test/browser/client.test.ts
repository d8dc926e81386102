/** The built client package: what a page loads, and that it works there. */

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { bundleClient } from '../../bundle.ts'
import { startGateway } from '../gateway/running-gateway.ts'
import { chromiumPath, startChromium } from './chromium.ts'

const BYTES_MAX = 20 * 1024

let folder: string
let code: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lumos-client-'))
  await bundleClient(folder)
  code = await readFile(join(folder, 'client.js'), 'utf8')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

if (chromiumPath === undefined) {
  console.warn('DID NOT RUN: the client package in a real browser. No Chromium is installed.')
}

/** Runs `body` in the page, with the client as `lumos`. */
const inPage = (page: Page, body: string): Promise<unknown> => {
  const address = JSON.stringify(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`)
  return page.evaluate(`(async () => { const lumos = await import(${address}); ${body} })()`)
}

it('the built client is under 20 KB and imports nothing', () => {
  assert.ok(code.length < BYTES_MAX, `${code.length} bytes`)
  assert.doesNotMatch(code, /\bimport\s*[({*"']|\brequire\(/)
})

describe.skipIf(chromiumPath === undefined)('the built client in a page of the gateway', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await startChromium({})
  })
  afterAll(() => browser?.close())

  it('calls, streams and follows events by its cookie, and fails by a typed error without one', async () => {
    await using gateway = await startGateway()
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${gateway.port}/health/live`)
    const refused = await inPage(
      page,
      `return lumos.createClient().execute('mesh.status').catch(e => [e instanceof lumos.LumosClientError, e.code, e.hint])`
    )
    assert.deepEqual(refused, [true, 'UNAUTHENTICATED', 'Print it: lumos-node token show'])

    const found = await inPage(
      page,
      `await lumos.createClient({ token: '${gateway.token}' }).execute('mesh.status')
       await fetch('/api/v2/session', {
         method: 'POST',
         headers: { authorization: 'Bearer ${gateway.token}', 'content-type': 'application/json' },
         body: '{}'
       })
       const client = lumos.createClient()
       const messages = [{ role: 'user', content: 'one two' }]
       let text = ''
       const events = client.events({ names: ['inference.request_completed'], since: 'oldest' })
       for await (const piece of client.stream('inference.chat', { model: 'held', messages })) text += piece.text ?? ''
       const { value } = await events.next()
       await events.return()
       return [text, value.name]`
    )
    assert.deepEqual(found, ['one two', 'inference.request_completed'])
    await page.close()
  })
})
