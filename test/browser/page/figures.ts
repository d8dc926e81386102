/** How fast and how small the page is, measured in the browser. */

import type { Browser } from 'playwright-core'
import { medianOf } from '../../../bench/statistics.ts'
import { type Point, slopeOf } from '../../../soak/slope.ts'
import { startBigMesh } from './big-mesh.ts'
import type { PageNodes } from './nodes.ts'
import { openScreen, screensOf, settled, type Visit, visit } from './visit.ts'

const FRAMES_MS = 5_000
const CHANGES = 10
/** The middle one counts. */
const ROUNDS = 3
/** Memory is read so often: a garbage collection each time, which no person would have. */
const SAMPLE_MS = 10_000
/** The first minute fills caches and compiles. */
const WARM_MS = 30_000
const MB = 1_000_000

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: 'ms' | '/s' | 'MB' | 'MB/h'
  /** What is promised: at least so many a second, at most so much of all else. */
  readonly limit?: number
}

export const isKept = ({ value, unit, limit }: Figure): boolean =>
  limit === undefined || (unit === '/s' ? value >= limit : value <= limit)

/** From the first byte of the address to a screen with its data, each screen as the first of its page. */
export async function interactive(browser: Browser, nodes: PageNodes): Promise<Figure[]> {
  await using first = await visit(browser)
  await first.page.goto(nodes.link())
  await settled(first.page)
  const figures: Figure[] = []
  for (const screen of await screensOf(first.page)) {
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const page = await first.context.newPage()
      const began = performance.now()
      await page.goto(`${nodes.url}/#/${screen}`, { waitUntil: 'commit' })
      await settled(page)
      times.push(performance.now() - began)
      await page.close()
    }
    figures.push({ name: `${screen}: interactive`, value: medianOf(times), unit: 'ms', limit: 1000 })
  }
  return figures
}

/** 200 devices, 50 events a second. */
export async function bigMesh(
  browser: Browser,
  nodes: PageNodes,
  minutes: number,
  signal: AbortSignal
): Promise<Figure[]> {
  using mesh = await startBigMesh(nodes)
  await using seen = await visit(browser, { reducedMotion: 'no-preference' })
  const { page } = seen
  await page.goto(`${mesh.url}/#/mesh`)
  await settled(page)
  await page.locator('canvas.graph').waitFor()
  mesh.live()
  const frames = await page.evaluate<{ perSecond: number; longestMs: number }>(`looking.frames(${FRAMES_MS})`)
  mesh.quiet()
  mesh.live(false)
  const shown = await shownAfter(seen, mesh)
  mesh.quiet()
  const figures: Figure[] = [
    { name: '200 devices, 50 events/s: frames', value: frames.perSecond, unit: '/s', limit: 30 },
    { name: '200 devices, 50 events/s: longest frame', value: frames.longestMs, unit: 'ms' },
    { name: 'a change of 200 devices is shown', value: shown, unit: 'ms', limit: 1000 }
  ]
  const screens = await screensOf(page)
  if (screens.includes('requests')) figures.push(...(await longList(seen)))
  await openScreen(page, 'mesh')
  mesh.live()
  figures.push(...(await memory(seen, minutes, signal)))
  return figures
}

/** The picture of 200 devices under 50 events a second, and nothing else. */
export async function memoryUnderUpdates(
  browser: Browser,
  nodes: PageNodes,
  minutes: number,
  signal: AbortSignal
): Promise<Figure[]> {
  using mesh = await startBigMesh(nodes)
  await using seen = await visit(browser, { reducedMotion: 'no-preference' })
  await seen.page.goto(`${mesh.url}/#/mesh`)
  await settled(seen.page)
  mesh.live()
  return await memory(seen, minutes, signal)
}

/** The longest of some changes, each seen in what a screen reader is told of the picture. */
async function shownAfter({ page }: Visit, mesh: { online(): number; change(): void }): Promise<number> {
  let longest = 0
  for (let round = 0; round < CHANGES; round++) {
    mesh.change()
    const began = performance.now()
    await page.locator(`canvas.graph[aria-label*=", ${mesh.online()} of them"]`).waitFor()
    longest = Math.max(longest, performance.now() - began)
  }
  return longest
}

/** 10,000 requests: the screen opens, scrolls to its end, and filters. */
async function longList({ page }: Visit): Promise<Figure[]> {
  const began = performance.now()
  await openScreen(page, 'requests')
  await page.locator('main tbody tr').nth(5).waitFor()
  const opened = performance.now() - began
  const scroll = page.evaluate<{ longestMs: number }>('looking.frames(2000)')
  for (let step = 0; step < 20; step++) await page.mouse.wheel(0, 800)
  const { longestMs } = await scroll
  const rows = await page.locator('main tbody tr').count()
  return [
    { name: '10,000 requests: opens', value: opened, unit: 'ms', limit: 1000 },
    { name: '10,000 requests: longest frame while it scrolls', value: longestMs, unit: 'ms', limit: 100 },
    {
      name: `10,000 requests: filter, ${rows} rows drawn`,
      value: await filtered(page),
      unit: 'ms',
      limit: 100
    }
  ]
}

/** From the choice of an outcome to the next picture, without the way of the choice from here. */
const filtered = (page: Visit['page']): Promise<number> =>
  page.evaluate<number>(`new Promise(resolve => {
    const began = performance.now()
    const choice = document.querySelector('main select')
    choice.selectedIndex = 3
    choice.dispatchEvent(new Event('change', { bubbles: true }))
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)))
  })`)

/** What is alive on the page after a garbage collection, again and again under live updates. */
async function memory({ cdp, page }: Visit, minutes: number, signal: AbortSignal): Promise<Figure[]> {
  await cdp.send('Performance.enable')
  const points: Point[] = []
  const began = performance.now()
  const endMs = minutes * 60_000
  for (let at = 0; at < endMs && !signal.aborted; at = performance.now() - began) {
    await page.waitForTimeout(Math.min(SAMPLE_MS, endMs - at))
    await cdp.send('HeapProfiler.collectGarbage')
    const { metrics } = await cdp.send('Performance.getMetrics')
    const used = metrics.find(({ name }) => name === 'JSHeapUsedSize')!.value / MB
    points.push({ hours: (performance.now() - began) / 3_600_000, value: used })
  }
  const figures: Figure[] = [
    {
      name: `live memory, at most in ${minutes} min`,
      value: Math.max(...points.map(({ value }) => value)),
      unit: 'MB',
      limit: 100
    }
  ]
  const [first, last] = [points.find(({ hours }) => hours * 3_600_000 > WARM_MS), points.at(-1)]
  if (first && last) {
    figures.push(
      { name: `live memory after ${WARM_MS / 1000} s`, value: first.value, unit: 'MB' },
      { name: `live memory after ${minutes} min`, value: last.value, unit: 'MB' }
    )
  }
  const warm = points.filter(({ hours }) => hours * 3_600_000 > WARM_MS)
  if (warm.length >= 3) {
    const { perHour, marginPerHour } = slopeOf(warm)
    // Growth beyond doubt: all of the interval lies above what is taken for none.
    figures.push({
      name: 'live memory grows by at least',
      value: perHour - marginPerHour,
      unit: 'MB/h',
      limit: 5
    })
  }
  return figures
}
