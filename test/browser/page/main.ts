/** `npm run page`: pictures of the page, its layout, and how fast and small it is. */

import { resolve } from 'node:path'
import { numberOf, runTool } from '../../../sim/tool.ts'
import { chromiumPath, startChromium } from '../chromium.ts'
import { bigMesh, type Figure, interactive, isKept, memoryUnderUpdates } from './figures.ts'
import { startPageNodes } from './nodes.ts'
import { shots } from './shots.ts'

const USAGE = `Usage: npm run page -- [--out FOLDER] [--against FOLDER] [--minutes N] [--only shots|figures|memory] [--json]

Opens each screen of the page in a real browser, against two real nodes: a picture of it in three sizes, two themes and
two languages, and what is wrong with its layout or hinders readers. Then a mesh of 200 devices with 50 events a second,
and 10,000 requests: frames, how soon a change is shown, and live memory for N minutes.
  --out      where the pictures go; default ./page-shots
  --against  pictures of an earlier run: screens that look different are findings
  --minutes  of live updates; default 3
  --only     memory: what is alive after a garbage collection, under that stream alone
  --json     the figures as JSON
Exit codes: 0 all is as promised, 1 something is not, 2 usage.`
/** A day. */
const MINUTES_MAX = 1440

const textOf = (figure: Figure): string => {
  const { name, value, unit, limit } = figure
  const amount = `${value.toFixed(unit.startsWith('MB') ? 1 : 0)} ${unit}`
  const promise = limit === undefined ? '' : `${unit === '/s' ? '≥' : '≤'} ${limit}`
  return `${isKept(figure) ? '    ' : 'NOT '}${name.padEnd(52)} ${amount.padStart(12)}  ${promise}`
}

await runTool({
  usage: USAGE,
  options: {
    out: { type: 'string', default: 'page-shots' },
    against: { type: 'string' },
    minutes: { type: 'string', default: '3' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false }
  },
  async run({ values: { out, against, minutes, only, json } }, signal) {
    const wanted = numberOf('minutes', minutes, { min: 0.1, max: MINUTES_MAX, whole: false })
    if (chromiumPath === undefined) {
      console.error('DID NOT RUN: the page in a real browser. No Chromium is installed.')
      return false
    }
    await using nodes = await startPageNodes()
    const browser = await startChromium({})
    try {
      const found =
        only === 'figures' || only === 'memory'
          ? []
          : await shots(browser, nodes, resolve(out), against && resolve(against))
      for (const text of found) console.error(`FINDING ${text}`)
      if (only === 'shots') return found.length === 0
      const figures =
        only === 'memory'
          ? await memoryUnderUpdates(browser, nodes, wanted, signal)
          : [...(await interactive(browser, nodes)), ...(await bigMesh(browser, nodes, wanted, signal))]
      console.log(json ? JSON.stringify(figures, null, 2) : figures.map(textOf).join('\n'))
      return found.length === 0 && figures.every(isKept)
    } finally {
      await browser.close()
    }
  }
})
