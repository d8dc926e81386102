/**
 * What all benchmarks share: a second process to talk to, rounds in which the
 * variants take turns, and one table.
 *
 * Machines are noisy and their noise drifts, so a figure alone says little: every
 * variant runs in every round, and what counts is the ratio of the medians.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'

export interface BenchResult {
  readonly metric: string
  readonly value: number
  readonly unit: string
  /** What `value` is compared with: the name of another metric. */
  readonly baseline?: string
  readonly ratio?: number
}

export type Bench = () => Promise<BenchResult[]>

export interface Peer<A> extends AsyncDisposable {
  readonly addresses: A
  /** Processor time the process has used so far. */
  cpuMs(): Promise<number>
}

/** Runs `module` as a process of its own; what it passes to `announce` comes back. */
export async function startPeer<A>(module: URL): Promise<Peer<A>> {
  const child = fork(module, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [addresses] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${module.pathname} ended with ${code} before it was ready`)
    })
  ])) as [A]
  return {
    addresses,
    async cpuMs() {
      const answer = once(child, 'message')
      child.send('cpu')
      const [usedMs] = (await answer) as [number]
      return usedMs
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  }
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** The other side of `startPeer`. */
export function announce(addresses: unknown): void {
  process.send?.(addresses)
  process.on('message', () => process.send?.(ownCpuMs()))
  // Without the process that asked there is nothing to do.
  process.on('disconnect', () => process.exit(0))
}

/** One thing measured. */
export interface Variant {
  readonly name: string
  /** Does as much as it can, and says how much and in what time. */
  round(): Promise<{ readonly amount: number; readonly ms: number }>
}

export interface Measured {
  /** Amount per second, the median of the rounds. */
  readonly rate: number
  /** (max - min) / median over the rounds. */
  readonly spread: number
  /** Microseconds of processor time per unit of amount: on this side and on the other. */
  readonly cpuUs: readonly [here: number, there: number]
}

/** Rounds that do not count: it takes seconds until all code of a variant is compiled, and windows have grown. */
const WARMUPS = 4

export async function takeTurns(
  variants: readonly Variant[],
  rounds: number,
  other: Pick<Peer<unknown>, 'cpuMs'>
): Promise<Map<string, Measured>> {
  const figures = new Map(
    variants.map(({ name }) => [name, { rates: [] as number[], here: [] as number[], there: [] as number[] }])
  )
  for (let round = -WARMUPS; round < rounds; round++) {
    for (const { name, round: run } of variants) {
      const [hereMs, thereMs] = [ownCpuMs(), await other.cpuMs()]
      const { amount, ms } = await run()
      const { rates, here, there } = figures.get(name)!
      if (round < 0) continue
      rates.push((amount * 1000) / ms)
      here.push(((ownCpuMs() - hereMs) * 1000) / amount)
      there.push((((await other.cpuMs()) - thereMs) * 1000) / amount)
    }
  }
  return new Map(
    [...figures].map(([name, { rates, here, there }]) => {
      const rate = medianOf(rates)
      const spread = (Math.max(...rates) - Math.min(...rates)) / rate
      return [name, { rate, spread, cpuUs: [medianOf(here), medianOf(there)] }]
    })
  )
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A table of rates against `baseline`, and what goes into the JSON. */
export function report(
  title: string,
  measured: ReadonlyMap<string, Measured>,
  { unit, baseline, suffix = '' }: { unit: string; baseline: string; suffix?: string }
): BenchResult[] {
  const base = measured.get(baseline)!.rate
  const rows = [...measured].map(([name, { rate, spread, cpuUs }]) => [
    name,
    rate >= 100 ? String(Math.round(rate)) : rate.toPrecision(3),
    `±${Math.round(spread * 50)} %`,
    (rate / base).toFixed(2),
    cpuUs[0].toPrecision(3),
    cpuUs[1].toPrecision(3)
  ])
  rows.unshift(['', `${unit}/s`, 'spread', `× ${baseline}`, 'CPU µs here', 'there'])
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  console.log(`\n${title}`)
  for (const row of rows) {
    console.log(
      `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}`
    )
  }
  return [...measured].map(([name, { rate }]) => ({
    metric: name + suffix,
    value: Math.round(rate),
    unit: `${unit}/s`,
    baseline: baseline + suffix,
    ratio: Number((rate / base).toFixed(3))
  }))
}
