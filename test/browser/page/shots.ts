/** Pictures of each screen, and what is wrong with their layout: sizes, themes and languages. */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { changed } from './compare.ts'
import type { PageNodes } from './nodes.ts'
import { hindrances, openScreen, screensOf, settled, visit } from './visit.ts'

const SIZES = { phone: [400, 850], tablet: [800, 1000], wide: [1440, 900] } as const
const THEMES = ['light', 'dark'] as const
const LANGUAGES = { en: 'en-GB', zh: 'zh-CN' } as const

/**
 * @param against a folder with the pictures of an earlier run.
 * @returns what was found, each with the picture where it is seen.
 */
export async function shots(
  browser: Browser,
  nodes: PageNodes,
  folder: string,
  against?: string
): Promise<string[]> {
  mkdirSync(folder, { recursive: true })
  const found: string[] = []
  for (const [language, locale] of Object.entries(LANGUAGES)) {
    await using seen = await visit(browser, { locale })
    const { page, troubles } = seen
    await page.goto(nodes.link())
    await settled(page)
    for (const [size, [width, height]] of Object.entries(SIZES)) {
      await page.setViewportSize({ width, height })
      for (const theme of THEMES) {
        await page.emulateMedia({ colorScheme: theme })
        for (const screen of await screensOf(page)) {
          await openScreen(page, screen)
          const name = [screen, size, theme, language].join('-')
          const picture = join(folder, `${name}.png`)
          await page.screenshot({ path: picture, fullPage: true })
          const change = against && (await changed(picture, join(against, `${name}.png`)))
          const wrong = [
            ...(change ? [change] : []),
            ...(await page.evaluate<string[]>('looking.layout()')),
            ...(size === 'phone' ? await page.evaluate<string[]>('looking.focus()') : []),
            ...(await hindrances(seen)),
            ...troubles.splice(0)
          ]
          found.push(...wrong.map(text => `${name}: ${text}`))
        }
      }
    }
  }
  return found
}
