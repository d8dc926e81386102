/** The page of a node in a real browser, against real nodes. */

import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { knows } from '../node/mesh-nodes.ts'
import { ScriptedEngine, scriptedModels, TALKER } from '../openai/scripted-engine.ts'
import { chromiumPath, startChromium } from './chromium.ts'
import { startHostility } from './page/hostile.ts'
import { type PageNodes, servePage, startPageNodes } from './page/nodes.ts'
import { hindrances, openScreen, screensOf, settled, type Visit, visit } from './page/visit.ts'
import { startWay } from './page/way.ts'

if (chromiumPath === undefined) {
  console.warn('DID NOT RUN: the page in a real browser. No Chromium is installed.')
}

const OWN_MODEL = 'desk-embedder'
/** Before all others by its name. */
const CLOUD = 'a-cloud'
const ownModels = () => [
  { id: OWN_MODEL, tasks: ['feature-extraction' as const], slots: 1, engine: new ScriptedEngine() },
  {
    ...{ id: CLOUD, tasks: ['text-generation' as const], slots: 1, engine: new ScriptedEngine() },
    leavesMesh: true
  }
]

interface Hostile {
  readonly elements: number
  readonly hidden: readonly string[]
  readonly marks: number
}

describe.skipIf(chromiumPath === undefined)('the page in a real browser', () => {
  const engine = new ScriptedEngine()
  let browser: Browser
  let nodes: PageNodes
  /** Let in, for the tests that only look. */
  let seen: Visit
  beforeAll(async () => {
    ;[browser, nodes] = await Promise.all([
      startChromium({}),
      startPageNodes({ models: ownModels(), others: { attic: scriptedModels(engine) } })
    ])
    seen = await visit(browser)
    await seen.page.goto(nodes.link())
    await settled(seen.page)
  })
  afterAll(async () => {
    await browser?.close()
    await nodes?.[Symbol.asyncDispose]()
  })

  it('is opened once by a link, whose code stays in no address, storage, cookie or log', async () => {
    await using first = await visit(browser)
    const link = nodes.link()
    const code = link.split('#open=')[1]!
    await first.page.goto(link)
    await settled(first.page)
    assert.equal(first.page.url(), `${nodes.url}/`)
    const kept = await first.page.evaluate(
      'indexedDB.databases().then(all => JSON.stringify([document.cookie, localStorage, sessionStorage, history.state, all]))'
    )
    const [cookie] = await first.context.cookies()
    assert.ok(cookie?.httpOnly && cookie.sameSite === 'Strict')
    for (const secret of [code, nodes.token, cookie.value]) {
      for (const text of [String(kept), first.requests.join(), nodes.logged.join()])
        assert.ok(!text.includes(secret))
    }
    assert.deepEqual(first.troubles, [])

    await using second = await visit(browser)
    await second.page.goto(link)
    await second.page.getByRole('heading', { name: 'This browser is not let in' }).waitFor()
    assert.equal(second.page.url(), `${nodes.url}/`)
    assert.deepEqual(await second.context.cookies(), [])
    await second.page.getByLabel('Or paste a token').fill(nodes.token)
    await second.page.getByRole('button', { name: 'Let this browser in' }).click()
    await second.page.locator('nav.menu').waitFor()
    const left = await second.page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }])
    )
    assert.ok(!String(left).includes(nodes.token))
  })

  it('shows each screen without an error, and hinders no reader, in light and in dark', {
    timeout: 90_000
  }, async () => {
    const screens = await screensOf(seen.page)
    assert.ok(screens.length >= 2)
    const titles = new Set<string>()
    assert.deepEqual(await hindrances(seen, { within: 'nav' }), [])
    for (const screen of screens) {
      await seen.page.emulateMedia({ colorScheme: 'light' })
      await openScreen(seen.page, screen)
      titles.add(await seen.page.title())
      assert.deepEqual(await hindrances(seen, { within: 'main' }), [], screen)
      await seen.page.emulateMedia({ colorScheme: 'dark' })
      assert.deepEqual(await hindrances(seen, { rules: ['color-contrast'] }), [], `${screen}, dark`)
      assert.deepEqual(seen.troubles, [], screen)
    }
    // What a tab and a history call each.
    assert.deepEqual(
      [titles.size, [...titles].every(title => title.endsWith(' – lumos'))],
      [screens.length, true]
    )
    assert.ok(seen.requests.every(url => url.startsWith(`${nodes.url}/`)))
  })

  it('shows a session that only reads what it opens, and offers it nothing that the node refuses', {
    timeout: 90_000
  }, async () => {
    const { secret } = nodes.named.create({ name: 'reader', permissions: ['read'] })
    await using reader = await visit(browser)
    const { page } = reader
    await page.goto(nodes.url)
    await page.getByLabel('Or paste a token').fill(secret)
    await page.getByRole('button', { name: 'Let this browser in' }).click()
    await page.locator('nav.menu').waitFor()
    // That it was not let in before is a refusal.
    reader.troubles.length = 0
    const closed = page.getByText('The token of this browser is not for this')
    const without: string[] = []
    for (const screen of await screensOf(page)) {
      await openScreen(page, screen)
      if ((await closed.count()) > 0) without.push(screen)
      assert.deepEqual(await hindrances(reader, { within: 'main' }), [], screen)
    }
    assert.deepEqual(without, ['chat', 'playground', 'memory', 'settings'])
    for (const address of [`mesh/${nodes.answering[0]!.peerId}`, `models/${OWN_MODEL}`, 'people', 'doctor']) {
      await page.goto(`${nodes.url}/#/${address}`)
      await settled(page)
      const changes = page.getByRole('button', {
        name: /Remove|Refuse|Load|Unload|Change|Let|Rename|Make admin/
      })
      assert.equal(await changes.count(), 0, address)
    }
    assert.deepEqual(reader.troubles, [])
  })

  it('asks no model that leaves the mesh before the person chooses it, and says so then', async () => {
    const { page } = seen
    await page.goto(`${nodes.url}/#/chat`)
    await page.getByText(`Ask ${TALKER} something`).waitFor()
    await page.getByText('Nothing leaves the mesh.').waitFor()
    await page.getByLabel('Model', { exact: true }).selectOption(CLOUD)
    await page.getByText('what you write leaves the mesh').waitFor()
    await page.goto(`${nodes.url}/#/models/${CLOUD}`)
    await page.getByText('What it is asked goes to a server outside.').waitFor()
  })

  it('brings the engine that a model of this device waits for', async () => {
    const { page } = seen
    const installed: unknown[] = []
    const reason = 'it is opened by llama.cpp, which is brought by: lumos-node engine install llama-cpp'
    await page.route('**/api/v2/execute', async route => {
      const { unit, input } = JSON.parse(route.request().postData() ?? '{}')
      if (unit === 'engine.install') installed.push(input)
      if (unit !== 'model.list' && unit !== 'engine.install') return route.continue()
      const answer = await (await route.fetch({ postData: JSON.stringify({ unit: 'model.list' }) })).json()
      answer.data.left_out.push({ place: '/models/a.gguf', model_id: null, code: 'MODEL_INVALID', reason })
      await route.fulfill({ json: answer })
    })
    await openScreen(page, 'models')
    await page.getByRole('button', { name: 'Bring the engine llama-cpp' }).click()
    await page.getByText('llama-cpp is on its way.').waitFor()
    await page.unroute('**/api/v2/execute')
    assert.deepEqual(installed, [{ name: 'llama-cpp' }])
  })

  it('is looked at by a check that finds what is wrong with a layout', async () => {
    await using planted = await visit(browser, { viewport: { width: 300, height: 300 } })
    const wrong = async (body: string) => {
      await planted.page.goto(`data:text/html,${encodeURIComponent(body)}`)
      return (await planted.page.evaluate<string[]>('looking.layout()')).map(text => text.split(':')[0])
    }
    assert.deepEqual(await wrong('<p>one<p>two'), [])
    assert.deepEqual(await wrong('<p style="width:400px">wide'), [
      'The page scrolls to the side.',
      'outside of the page'
    ])
    assert.deepEqual(await wrong('<p>one</p><p style="margin-top:-30px">two'), ['covers two'])
    assert.deepEqual(await wrong('<p style="width:9px;overflow:hidden">longer'), ['text is cut off'])
  })

  it('keeps its layout on a phone: no scroll to the side, nothing cut off or covered, and each target in sight', async () => {
    const { page } = seen
    const size = page.viewportSize()!
    await page.setViewportSize({ width: 360, height: 740 })
    for (const screen of await screensOf(page)) {
      await openScreen(page, screen)
      assert.deepEqual(await page.evaluate('looking.layout()'), [], screen)
      assert.deepEqual(await page.evaluate('looking.focus()'), [], screen)
    }
    await page.setViewportSize(size)
  })

  it('tells another device to refuse requests, and asks before it removes one', async () => {
    const { page } = seen
    const [attic] = nodes.answering
    await page.goto(`${nodes.url}/#/mesh/${attic!.peerId}`)
    const dialog = page.locator('dialog')
    await page.getByRole('button', { name: 'Refuse other devices' }).click()
    await dialog.getByRole('button', { name: 'Refuse other devices' }).click()
    await page.getByText('are refused', { exact: true }).waitFor()
    assert.equal(attic!.status().drained, true)
    await page.getByRole('button', { name: 'Answer other devices again' }).click()
    await page.getByText('are answered', { exact: true }).waitFor()
    assert.equal(attic!.status().drained, false)

    const remove = page.getByRole('button', { name: 'Remove attic' })
    await remove.press('Enter')
    await dialog.getByText('every device refuses its key from then on').waitFor()
    assert.equal(await page.evaluate('document.activeElement.closest("dialog") !== null'), true)
    assert.deepEqual(await hindrances(seen), [])
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Remove attic')
    assert.ok(nodes.desk.peers().some(({ peerId }) => peerId === attic!.peerId))

    await page.goto(`${nodes.url}/#/mesh/${nodes.desk.peerId}`)
    await page.getByText('this device', { exact: true }).first().waitFor()
    assert.equal(await page.getByRole('button', { name: /^Remove/ }).count(), 0)
  })

  it('is used by the keyboard: Tab reaches the way to the content and the menu, Enter opens a screen', async () => {
    const { page } = seen
    await page.goto(`${nodes.url}/#/home`)
    await page.reload()
    await settled(page)
    const focused = () => page.evaluate('document.activeElement.textContent.trim()')
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'Go to the content')
    const passed: unknown[] = []
    do {
      await page.keyboard.press('Tab')
      passed.push(await focused())
    } while (passed.at(-1) !== 'Mesh' && passed.length < 5)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Mesh' }).waitFor()
    assert.equal(await page.evaluate('document.activeElement.id'), 'screen')
    // The table beside the picture is for screen readers, until the keyboard comes there.
    const device = page.locator('main table').getByRole('link', { name: 'attic' })
    await device.focus()
    assert.ok((await page.locator('.seen-by-focus').boundingBox())!.height > 40)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'attic' }).waitFor()
    assert.equal(await page.evaluate('document.activeElement.id'), 'screen')
  })

  it('shows markup, script, bidi and control characters of others as text, on each screen', {
    timeout: 90_000
  }, async () => {
    await using found = await visit(browser)
    await startHostility(found.page)
    await found.page.goto(nodes.link())
    let shown = 0
    const wrong: unknown[] = []
    for (const screen of await screensOf(found.page)) {
      await openScreen(found.page, screen)
      const { elements, hidden, marks } = await found.page.evaluate<Hostile>('looking.hostile()')
      if (elements > 0 || hidden.length > 0) wrong.push([screen, elements, hidden])
      shown += marks
    }
    assert.deepEqual(wrong, [])
    assert.ok(shown >= 2, 'what is hostile was on the screen')
    assert.deepEqual(found.troubles, [])
    assert.ok(found.requests.every(url => url.startsWith(`${nodes.url}/`) && !url.endsWith('/x')))
  })

  it('shows a member that is no admin what it may see, offers it nothing that fails, and refuses the rest with words', {
    timeout: 90_000
  }, async () => {
    const [attic] = nodes.answering
    await knows(attic!, nodes.desk)
    await using own = await servePage(attic!)
    await using member = await visit(browser)
    const { page } = member
    await page.goto(own.link())
    for (const screen of await screensOf(page)) await openScreen(page, screen)
    assert.deepEqual(member.troubles, [])

    const button = (name: RegExp) => page.getByRole('button', { name })
    await openScreen(page, 'people')
    await page.getByText('Only admins let devices in and remove them. This device is none.').waitFor()
    await page.getByText('Only admins rename the mesh.').waitFor()
    assert.equal(await button(/^(Let a device in|Remove|Make admin|Rename the mesh)/).count(), 0)

    await page.goto(`${own.url}/#/mesh/${nodes.desk.peerId}`)
    await page.getByText('Only an admin removes a device').waitFor()
    await page.getByText('Only an admin changes this on another device.').waitFor()
    assert.equal(await button(/^(Remove|Refuse)/).count(), 0)

    await page.goto(`${own.url}/#/models/${OWN_MODEL}`)
    await page.getByRole('link', { name: 'desk' }).first().waitFor()
    await settled(page)
    assert.equal(await button(/^(Load|Unload|Change)/).count(), 0)
    await openScreen(page, 'models')
    await page.getByRole('button', { name: 'Bring a model' }).click()
    assert.deepEqual(await page.getByLabel('Onto').locator('option').allTextContents(), ['this device'])
    assert.deepEqual(member.troubles, [])

    // As a page would that had a button for it.
    const ask = async (unit: string, input: object, options: object = {}) => {
      const answer = await page.evaluate(async body => {
        const headers = { 'content-type': 'application/json' }
        const answer = await fetch('/api/v2/execute', { method: 'POST', headers, body })
        return ((await answer.json()) as { error: { code: string; message: string } | null }).error
      }, JSON.stringify({ unit, input, options }))
      return [answer?.code, (answer?.message.length ?? 0) > 0]
    }
    const { peerId } = nodes.desk
    assert.deepEqual(await ask('node.drain', {}, { peer: peerId }), ['DENIED', true])
    assert.deepEqual(await ask('model.unload', { model_id: OWN_MODEL }, { peer: peerId }), ['DENIED', true])
    assert.deepEqual(await ask('mesh.invite', { role: 'member' }), ['NOT_ADMIN', true])
    assert.deepEqual(await ask('mesh.revoke', { peer: peerId }), ['NOT_ADMIN', true])
    assert.equal(nodes.desk.status().drained, false)
  })

  it('asks the person before it runs a tool for a model, shows arguments and result, and ends a call', async () => {
    const { page } = seen
    await page.goto(`${nodes.url}/#/chat/${encodeURIComponent(TALKER)}`)
    await page.getByRole('button', { name: 'Parameters' }).click()
    const search = page.getByLabel('Find a tool')
    await search.fill('every MODEL')
    await page.getByRole('checkbox', { name: /^model_list/ }).check()
    assert.equal(await page.getByRole('checkbox').count(), 1)
    await search.fill('no such tool')
    await page.getByText('No tool fits this.').waitFor()
    assert.equal(await page.getByRole('checkbox').count(), 0)
    await page.getByText('1 chosen').waitFor()
    await search.fill('')
    const posted: string[] = []
    page.on('request', request => posted.push(request.postData() ?? ''))
    const isRun = () => posted.some(body => body.includes('"input":{"limit":77}'))
    const question = page.getByRole('textbox', { name: 'Your question' })
    const called = page.getByRole('region', { name: 'Wants to call model_list' })
    const asks = async (input: string, count: number) => {
      await question.fill(`call with ${input}`)
      await question.press('Enter')
      await called.nth(count - 1).waitFor()
    }
    const press = (name: string) => called.last().getByRole('button', { name }).click()

    await asks('{"limit":77}', 1)
    await called.getByText('"limit": 77').waitFor()
    await called.getByRole('button', { name: 'Run it' }).waitFor()
    assert.deepEqual(await hindrances(seen, { within: 'main' }), [])
    assert.ok(!isRun())
    await press('Run it')
    await page.getByText(/^1 results: .*desk-embedder/).waitFor()
    assert.ok(isRun())
    await called.getByText('Result').click()
    await called.getByText(`"id": "${OWN_MODEL}"`).waitFor()

    await asks('{"limit":"moon"}', 2)
    await press('Run it')
    await page.getByText(/^2 results: INVALID_INPUT: /).waitFor()
    await called.nth(1).getByText('failed', { exact: true }).waitFor()
    await asks('{}', 3)
    await press('Refuse')
    await page.getByText('3 results: The person refused this call.').waitFor()

    await page.route('**/api/v2/execute', async route => {
      if (!route.request().postData()?.includes('"input":{"limit":78}')) await route.continue()
    })
    await asks('{"limit":78}', 4)
    await press('Run it')
    const before = engine.requests.length
    await press('Stop the call')
    await called.nth(3).getByText('stopped', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Go on with the results' }).waitFor()
    assert.equal(engine.requests.length, before)
    await page.unroute('**/api/v2/execute')

    // What is offered no more does not run, whatever a model asks for.
    await asks('{}', 5)
    await page.getByRole('checkbox', { name: /^model_list/ }).uncheck()
    await called.last().getByText('You do not offer this tool').waitFor()
    assert.equal(await called.last().getByRole('button', { name: 'Run it' }).count(), 0)
  })

  it('says that the node is away, and comes back by itself', async () => {
    using way = await startWay()
    await using watching = await visit(browser, { proxy: way.proxy })
    const { page } = watching
    await page.goto(nodes.link())
    await settled(page)
    assert.deepEqual(watching.troubles, [])
    const away = page.getByText('This node does not answer.')
    const other = page.getByText('The node has another version of this page.')
    way.cut()
    await away.waitFor()
    await way.mend()
    await away.waitFor({ state: 'detached' })
    await settled(page)
    assert.equal(await other.count(), 0)

    // As if the files of the page that is open were those of a node before an update.
    await page.evaluate(
      'document.head.append(Object.assign(document.createElement("link"), { href: "/app-old.css" }))'
    )
    way.cut()
    await way.mend()
    await other.waitFor()
    await page.getByRole('button', { name: 'Load that one' }).click()
    await other.waitFor({ state: 'detached' })
    await settled(page)
  })

  it('stays let in while its node restarts', async () => {
    const { page } = seen
    await openScreen(page, 'mesh')
    await nodes.restart()
    await page.reload()
    await page.locator('main table').getByRole('link', { name: 'attic' }).waitFor({ state: 'attached' })
  })

  it('says that its session is over when the token is replaced, and goes on once the browser is let in again', async () => {
    const { page, context } = seen
    await page.goto(`${nodes.url}/#/people`)
    await settled(page)
    nodes.gateway.rotateToken()
    await page.getByRole('heading', { name: 'This browser is not let in' }).waitFor()
    const again = await context.newPage()
    await again.goto(nodes.link())
    await settled(again)
    await again.close()
    await page.evaluate('dispatchEvent(new Event("focus"))')
    await page.locator('nav.menu').waitFor()
    await settled(page)

    // A link that is opened where the page is open lets it in, too, and leaves no code in the address.
    nodes.gateway.rotateToken()
    await page.getByRole('heading', { name: 'This browser is not let in' }).waitFor()
    await page.goto(nodes.link())
    await page.locator('nav.menu').waitFor()
    assert.equal(page.url(), `${nodes.url}/`)
  })
})
