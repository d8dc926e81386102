/** What the tests of hostile peers measure, on the node's own process. */

import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const MIB = 1024 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: object) => void

/** Live bytes of the heap and of buffers, after everything dead is gone. */
export async function liveMiB(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    // As V8 does when memory is about to run out: nothing dead is kept for later.
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    await new Promise(resolve => setImmediate(resolve))
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / MIB
}

export async function residentMiB(): Promise<number> {
  await liveMiB()
  return process.memoryUsage.rss() / MIB
}

export const openFiles = (): number => readdirSync('/proc/self/fd').length

/** The longest that the event loop was kept, at the given share of the time. */
export function watchLoop(): () => { p99Ms: number; maxMs: number } {
  const histogram = monitorEventLoopDelay({ resolution: 5 })
  histogram.enable()
  return () => {
    histogram.disable()
    return { p99Ms: histogram.percentile(99) / 1e6, maxMs: histogram.max / 1e6 }
  }
}

export const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!

/** Resolves once `holds`, looking every few milliseconds. @throws when it does not within the time. */
export async function becomes(
  what: string,
  timeoutMs: number,
  holds: () => boolean | Promise<boolean>
): Promise<number> {
  const beganMs = performance.now()
  while (!(await holds())) {
    if (performance.now() - beganMs > timeoutMs) throw new Error(`Not within ${timeoutMs} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  return performance.now() - beganMs
}
