/** A page in the browser with all that goes wrong on it, and what a person would do there. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, BrowserContextOptions, CDPSession, Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** `looking`, for what is asked inside of the page. */
const IN_PAGE = fileURLToPath(new URL('in-page.js', import.meta.url))
/** WCAG 2.2, level AA. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
/** Long for a page of loopback, short for a person. */
const SHOWN_MS = 10_000

export interface Visit {
  readonly page: Page
  readonly context: BrowserContext
  /** Errors of scripts, of the console, of the security policy, dialogs, and requests that failed. */
  readonly troubles: string[]
  /** The address of each request. */
  readonly requests: string[]
  readonly cdp: CDPSession
  [Symbol.asyncDispose](): Promise<void>
}

export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options })
  await context.addInitScript({ path: IN_PAGE })
  const page = await context.newPage()
  page.setDefaultTimeout(SHOWN_MS)
  const troubles: string[] = []
  const requests: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) troubles.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', err => troubles.push(`error: ${err.message}`))
  page.on('dialog', dialog => {
    troubles.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', request => void requests.push(request.url()))
  page.on('requestfailed', request => {
    // A screen that is left ends its questions.
    const { errorText } = request.failure() ?? {}
    if (errorText !== 'net::ERR_ABORTED') troubles.push(`${errorText}: ${request.url()}`)
  })
  page.on('response', response => {
    if (response.status() >= 400) troubles.push(`${response.status()}: ${response.url()}`)
  })
  const cdp = await context.newCDPSession(page)
  return {
    ...{ page, context, troubles, requests, cdp },
    [Symbol.asyncDispose]: () => context.close()
  }
}

/** The names of the screens in the address, as the menu has them. */
export async function screensOf(page: Page): Promise<string[]> {
  const links = page.locator('nav.menu li a')
  await links.first().waitFor()
  const hashes = await links.evaluateAll(all => all.map(link => link.getAttribute('href') ?? ''))
  return hashes.map(hash => hash.replace('#/', ''))
}

/** Until the screen has a heading, and shows what it waited for. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main#screen h1').waitFor()
  await page.locator('main .waiting').first().waitFor({ state: 'detached' })
}

export async function openScreen(page: Page, screen: string): Promise<void> {
  await page.locator(`nav.menu li a[href="#/${screen}"]`).click()
  await page.locator(`nav.menu li a[href="#/${screen}"][aria-current]`).waitFor()
  await settled(page)
}

interface Looked {
  /** Of the page; a selector. */
  readonly within?: string
  /** In place of all that WCAG asks for. */
  readonly rules?: readonly string[]
}

/**
 * What hinders readers, each with the element that does. The browser's own tools run the check: the policy of the page
 * lets no text become a script.
 */
export async function hindrances({ cdp }: Visit, { within = 'body', rules }: Looked = {}): Promise<string[]> {
  const evaluate = async (expression: string) => {
    const options = { expression, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails: wrong } = await cdp.send('Runtime.evaluate', options)
    if (wrong) throw new Error(wrong.exception?.description ?? wrong.text)
    return result.value
  }
  if (!(await evaluate('"axe" in globalThis'))) await evaluate(AXE)
  const options = {
    runOnly: rules ? { type: 'rule', values: rules } : { type: 'tag', values: RULES },
    resultTypes: ['violations']
  }
  return evaluate(`axe.run(${JSON.stringify(within)}, ${JSON.stringify(options)}).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary = '' }) =>
      id + ': ' + html.slice(0, 160) + ' ' + failureSummary.replace(/\\s+/g, ' '))))`)
}
