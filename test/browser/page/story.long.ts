/** A person at the page of a mesh of real nodes, in a real browser: lets a device in, asks, loses a device, removes one, brings a model, finds a memory. */

import assert from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { EchoEngine } from '../../../capabilities/engines/echo.ts'
import { echoModel } from '../../../capabilities/index.ts'
import { systemClock } from '../../../interface/clock.ts'
import { meets, startNode } from '../../node/mesh-nodes.ts'
import { FakeHub } from '../../weights/fake-hub.ts'
import { chromiumPath, startChromium } from '../chromium.ts'
import { HOSTILE } from './hostile.ts'
import { type PageNodes, startPageNodes } from './nodes.ts'
import { openScreen, screensOf, settled, type Visit, visit } from './visit.ts'

if (chromiumPath === undefined) {
  console.warn('DID NOT RUN: a person at the page. No Chromium is installed.')
}

const WORDS = Array.from({ length: 80 }, (_, index) => `word-${index}`).join(' ')
/** So slow that a device is lost in the middle of its answer. */
const slow = () => [
  {
    ...echoModel({ clock: systemClock, wordDelayMs: 40 }),
    id: 'slow',
    resumes: true,
    engine: new EchoEngine({ clock: systemClock, wordDelayMs: 40 })
  }
]

async function ask(page: Page, question: string): Promise<void> {
  await page.getByLabel('Your question').last().fill(question)
  await page.getByRole('button', { name: 'Send' }).click()
}

describe.skipIf(chromiumPath === undefined)('a person at the page of a mesh', () => {
  let browser: Browser
  let hub: FakeHub
  let nodes: PageNodes
  let seen: Visit
  let screens: string[]
  beforeAll(async () => {
    hub = await FakeHub.start()
    hub.put('config.json', '{}', { git: true })
    hub.put('model.bin', Buffer.alloc(3_000_000))
    ;[browser, nodes] = await Promise.all([
      startChromium({}),
      startPageNodes({
        settings: { 'weights.origins.hf': hub.url },
        others: { attic: slow(), tower: slow() }
      })
    ])
    seen = await visit(browser)
    await seen.page.goto(nodes.link())
    await settled(seen.page)
    screens = await screensOf(seen.page)
  })
  afterAll(async () => {
    await browser?.close()
    await nodes?.[Symbol.asyncDispose]()
    await hub?.[Symbol.asyncDispose]()
  })

  it('lets a device in by a code, and removes it again', async ({ skip }) => {
    if (!screens.includes('people')) skip('The screen is not there yet.')
    const { page } = seen
    await using newcomer = await startNode('newcomer', [])
    await openScreen(page, 'people')
    await page.getByRole('button', { name: 'Let a device in' }).click()
    await page.getByRole('button', { name: 'Make the code' }).click()
    const code = (await page.locator('dialog code.code').textContent())!
    const joining = newcomer.mesh.join(code)
    await page.getByText('newcomer has joined as Member.').waitFor()
    const { phrase } = await joining
    for (const word of phrase.split(' '))
      assert.ok((await page.locator('dialog').textContent())!.includes(word))
    await page.getByRole('button', { name: 'The same words' }).click()
    await meets(nodes.desk, newcomer)

    await page.getByRole('button', { name: 'Remove newcomer' }).click()
    await page.locator('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('button', { name: 'Remove newcomer' }).waitFor({ state: 'detached' })
    assert.ok(nodes.desk.peers().every(({ peerId }) => peerId !== newcomer.peerId))
  })

  it('gets an answer as text, whatever stands in it', async () => {
    const { page } = seen
    await openScreen(page, 'chat')
    const question = HOSTILE.replaceAll('\n', ' ')
    await ask(page, question)
    const answer = page.getByRole('article', { name: 'Answer' }).last()
    await answer.getByText('<img src=x onerror').waitFor()
    await page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' })
    const { elements, hidden } = await page.evaluate<{ elements: number; hidden: string[] }>(
      'looking.hostile()'
    )
    assert.deepEqual([elements, hidden], [0, []])
  })

  it('sees an answer go on from another device when the one that writes it is lost', async () => {
    const { page } = seen
    await page.getByRole('button', { name: 'New conversation' }).click()
    await ask(page, WORDS)
    const answer = page.getByRole('article', { name: 'Answer' }).last()
    await answer.getByText('word-5').waitFor()
    const writing = nodes.answering.find(node => node.status().requests.running > 0)
    assert.ok(writing, 'one of the others writes')
    await writing.stop({ drainMs: 0 })
    await answer.getByText('word-79').waitFor()
    await page.getByText(/was lost;/).waitFor()
    const text = await answer.textContent()
    for (const word of WORDS.split(' ')) assert.equal(text!.split(new RegExp(`${word}(?!\\d)`)).length, 2, word)
  })

  it('brings a model', async () => {
    const { page } = seen
    await openScreen(page, 'models')
    await page.getByRole('button', { name: 'Bring a model' }).click()
    await page.getByLabel('Which model').fill('hf:acme/tiny')
    await page.getByRole('button', { name: 'Bring it', exact: true }).click()
    await page.getByText('acme/tiny is on its way.').waitFor()
    await page.getByText('here', { exact: true }).waitFor()
    assert.deepEqual(
      nodes.desk.weights.list().map(({ model }) => model),
      ['acme/tiny']
    )
  })

  it('finds what is kept in memory', async ({ skip }) => {
    if (!screens.includes('memory')) skip('The screen is not there yet.')
    const { page } = seen
    await openScreen(page, 'memory')
    await page.getByRole('button', { name: 'New space' }).first().click()
    await page.locator('dialog').getByLabel('Name').fill('attic-things')
    await page.locator('dialog').getByRole('button', { name: 'New space' }).click()
    await page.getByRole('heading', { level: 1, name: 'attic-things' }).waitFor()
    const write = JSON.stringify({
      unit: 'memory.set',
      input: { space: 'attic-things', key: 'lantern', value: 'The brass lantern hangs behind the door.' }
    })
    const headers = { authorization: `Bearer ${nodes.token}`, 'content-type': 'application/json' }
    const answer = await fetch(`${nodes.url}/api/v2/execute`, { method: 'POST', headers, body: write })
    assert.equal(answer.status, 200)
    const search = page.getByLabel('Search in attic-things')
    await search.fill('brass lantern')
    await search.press('Enter')
    await page.getByText('hangs behind the door').first().waitFor()
  })

  it('has met no error on the page', () => {
    assert.deepEqual(seen.troubles, [])
  })
})
