/** The playground and the models of this repository: pictures, faces, speech and texts, asked on the page and answered by real engines. */

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { embeds, finds } from '../../capabilities/face-graphs.ts'
import { chromiumPath, startChromium } from '../chromium.ts'
import { type PageNodes, startPageNodes } from './nodes.ts'
import { settled, type Visit, visit } from './visit.ts'

if (chromiumPath === undefined) {
  console.warn('DID NOT RUN: the tasks of the page. No Chromium is installed.')
}

const FIXTURES = join(import.meta.dirname, '../../fixtures')
/** The first of its kind loads its model. */
const ANSWER_MS = 60_000

/** A model of known answers: a bright square is a face, and its colours are whose. */
async function writeFaceModel(home: string): Promise<void> {
  const files = { 'det_10g.onnx': finds(), 'glintr100.onnx': embeds() }
  const info = {
    ...{ name: 'faces', version: '2', description: '', model_type: 'face' },
    runtimes: { onnx: { available: true, files: Object.keys(files) } },
    metadata: { license: 'none', author: 'a test', created_at: '2026-11-30' }
  }
  await mkdir(join(home, 'faces'))
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(home, 'faces', name), bytes)
  await writeFile(join(home, 'faces', 'model_info.json'), JSON.stringify(info))
}

const ADA = ['#ff0', '#0ff', '#f0f', '#fff']

/** A black picture with one face of four coloured quarters. */
function photo(colours: readonly string[], left: number, top: number): Promise<Buffer> {
  const quarters = colours.map((background, at) => ({
    input: { create: { width: 40, height: 40, channels: 3, background } } as const,
    left: left + (at % 2) * 40,
    top: top + Math.floor(at / 2) * 40
  }))
  return sharp({ create: { width: 640, height: 640, channels: 3, background: '#000' } })
    .composite(quarters)
    .png()
    .toBuffer()
}

describe.skipIf(chromiumPath === undefined)('the tasks of the page', { timeout: 2 * ANSWER_MS }, () => {
  let browser: Browser
  let nodes: PageNodes
  let seen: Visit
  let models: string
  beforeAll(async () => {
    models = await mkdtemp(join(tmpdir(), 'lumos-faces-'))
    await writeFaceModel(models)
    const directories = [models, FIXTURES, join(FIXTURES, 'vision-models'), join(FIXTURES, 'speech-models')]
    const settings = { 'models.builtin': true, 'models.directories': directories }
    ;[browser, nodes] = await Promise.all([startChromium({}), startPageNodes({ settings })])
    seen = await visit(browser)
    await seen.page.goto(nodes.link())
    await settled(seen.page)
  })
  afterAll(async () => {
    await browser?.close()
    await nodes?.[Symbol.asyncDispose]()
    await rm(models, { recursive: true, force: true })
  })

  async function open(task: string): Promise<Page> {
    await seen.page.goto(`${nodes.url}/#/playground/${task}`)
    await seen.page.locator('nav.task-tabs a[aria-current]').waitFor()
    return seen.page
  }
  const choose = (file: string | { name: string; mimeType: string; buffer: Buffer }, place = 0) =>
    seen.page.locator('main input[type=file]').nth(place).setInputFiles(file)
  const ask = () => seen.page.getByRole('button', { name: 'Ask', exact: true }).click()
  const answer = async () => {
    await seen.page.locator('.answer .origin').waitFor({ timeout: ANSWER_MS })
    return (await seen.page.locator('.answer > [aria-live]').textContent())!
  }

  it('name what a picture shows, by the labels of the model and by those of the reader', async () => {
    await open('classify')
    await choose(join(FIXTURES, 'digits/7.png'))
    assert.match(await answer(), /^7/)
    const page = await open('labels')
    await page.getByLabel('Labels to choose from').fill('a photo of a blue two\na photo of a red five')
    await choose(join(FIXTURES, 'tiny-clip/pictures/00_red_five.png'))
    assert.match(await answer(), /^a photo of a red five/)
  })

  it('mark what was found in a picture, and describe it', async () => {
    const page = await open('detect')
    await choose(join(FIXTURES, 'pictures/samsung.jpg'))
    await answer()
    assert.ok((await page.locator('.marked polygon').count()) > 0)
    await open('describe')
    await choose(join(FIXTURES, 'pictures/samsung.jpg'))
    assert.notEqual(await answer(), '')
  })

  it('say whether two pictures show one person, and nothing once another picture is there', async () => {
    const page = await open('same')
    const picture = async (name: string, colours: readonly string[], left: number) =>
      ({ name, mimeType: 'image/png', buffer: await photo(colours, left, 160) }) as const
    await choose(await picture('ada.png', ADA, 80))
    await choose(await picture('again.png', ADA, 480), 1)
    await ask()
    await page.getByText('The same person', { exact: true }).waitFor({ timeout: ANSWER_MS })
    await choose(await picture('ben.png', ADA.toReversed(), 80), 1)
    await page.getByText('The same person', { exact: true }).waitFor({ state: 'detached' })
    await ask()
    await page.getByText('Two persons', { exact: true }).waitFor({ timeout: ANSWER_MS })
  })

  it('speak a text, and understand a recording', async () => {
    const page = await open('speak')
    await page.getByLabel('Text to speak').fill('hello there')
    await ask()
    await answer()
    await page.waitForFunction('document.querySelector(".answer audio").duration > 0')
    await open('recognise')
    await choose(join(FIXTURES, 'audio/two-sentences.wav'))
    assert.match(await answer(), /^[A-Z ]+/)
  })

  it('have met no error on the page', () => assert.deepEqual(seen.troubles, []))
})
