/**
 * What all benchmarks share: a second process to talk to, rounds in which the
 * variants take turns, and one table.
 *
 * Machines are noisy and their noise drifts, so a figure alone says little: every
 * variant runs in every round, and what counts is the ratio of the medians.
 */

import { type ChildProcess, fork } from 'node:child_process'
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
  readonly process: ChildProcess
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
    process: child,
    async [Symbol.asyncDispose]() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  }
}

/** The other side of `startPeer`. */
export function announce(addresses: unknown): void {
  process.send?.(addresses)
  // Without the process that asked there is nothing to do.
  process.on('disconnect', () => process.exit(0))
}

/** One thing measured; each call of `round` returns one figure. */
export interface Variant {
  readonly name: string
  round(): Promise<number>
}

export interface Measured {
  readonly median: number
  /** (max - min) / median over the rounds. */
  readonly spread: number
}

export async function takeTurns(
  variants: readonly Variant[],
  rounds: number
): Promise<Map<string, Measured>> {
  const figures = new Map(variants.map(({ name }) => [name, [] as number[]]))
  // The first round warms up: code is compiled, windows grow.
  for (let round = -1; round < rounds; round++) {
    for (const { name, round: measure } of variants) {
      const figure = await measure()
      if (round >= 0) figures.get(name)!.push(figure)
    }
  }
  return new Map(
    [...figures].map(([name, values]) => {
      const median = medianOf(values)
      return [name, { median, spread: (Math.max(...values) - Math.min(...values)) / median }]
    })
  )
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export interface TableRow extends BenchResult {
  readonly spread?: number
}

export function printTable(title: string, rows: readonly TableRow[]): void {
  const cells = rows.map(({ metric, value, unit, spread, ratio, baseline }) => [
    metric,
    value >= 100 ? String(Math.round(value)) : value.toPrecision(3),
    unit,
    spread === undefined ? '' : `±${Math.round(spread * 50)} %`,
    ratio === undefined ? '' : `${ratio.toFixed(2)} × ${baseline}`
  ])
  const widths = [0, 1, 2, 3, 4].map(column => Math.max(...cells.map(row => row[column]!.length)))
  console.log(`\n${title}`)
  for (const row of cells) {
    const [metric, ...rest] = row.map((cell, i) =>
      i === 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)
    )
    console.log(`  ${[metric, ...rest].join('  ').trimEnd()}`)
  }
}
