/**
 * What all benchmarks share: a second process to talk to, and rounds in which the
 * variants take turns.
 *
 * Machines are noisy and their noise drifts, so a figure alone says little: every
 * variant runs in every round, each round begins with another one, and what counts
 * is the median of the ratios within the rounds.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { medianOf } from './statistics.ts'
import { type BenchTable, rounded, type TableOptions, tableOf } from './table.ts'

export interface BenchOptions {
  /** Shows that it runs, in seconds; the figures say nothing. */
  readonly quick: boolean
}

export type Bench = (options: BenchOptions) => Promise<BenchTable[]>

export interface Peer<A> extends AsyncDisposable {
  readonly addresses: A
  /** Processor time the process has used so far. */
  cpuMs(): Promise<number>
  /** How long its loop stood still at most since this was asked last. */
  stallMs(): Promise<number>
  /** One thing at a time that the module itself answers. */
  ask<T>(name: string, argument?: unknown): Promise<T>
}

/** What a peer can be asked besides, by name. */
export type Answers = Readonly<Record<string, (argument: never) => unknown>>

/** Runs `module` as a process of its own, with `args` in its `argv`; what it passes to `announce` comes back. */
export async function startPeer<A>(module: URL, args: readonly string[] = []): Promise<Peer<A>> {
  // What a peer has to say is for people: results alone go to stdout.
  const child = fork(module, args, { stdio: ['ignore', 2, 'inherit', 'ipc'] })
  const [addresses] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${module.pathname} ended with ${code} before it was ready`)
    })
  ])) as [A]
  const ask = async <T>(name: string, argument?: unknown): Promise<T> => {
    const answer = once(child, 'message')
    child.send([name, argument])
    const [{ value, failure }] = (await answer) as [{ value: T; failure?: string }]
    if (failure !== undefined) throw new Error(`${module.pathname}, asked for ${name}: ${failure}`)
    return value
  }
  return {
    addresses,
    ask,
    cpuMs: () => ask('cpu'),
    stallMs: () => ask('stall'),
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

const delays = monitorEventLoopDelay({ resolution: 1 })

/** How long this process's loop stood still at most since this was asked last: 0 the first time. */
export function ownStallMs(): number {
  delays.enable()
  const longestMs = delays.max / 1e6
  delays.reset()
  return longestMs
}

/** The other side of `startPeer`. */
export function announce(addresses: unknown, answers: Answers = {}): void {
  const all = { ...answers, cpu: ownCpuMs, stall: ownStallMs } as Record<
    string,
    (argument: unknown) => unknown
  >
  process.send?.(addresses)
  process.on('message', async ([name, argument]: [string, unknown]) => {
    try {
      process.send?.({ value: await all[name]!(argument) })
    } catch (err) {
      process.send?.({ failure: String(err) })
    }
  })
  // Without the process that asked there is nothing to do.
  process.on('disconnect', () => process.exit(0))
}

/** One thing measured. */
export interface Variant {
  readonly name: string
  /** Does as much as it can, and says how much and in what time. */
  round(): Promise<{ readonly amount: number; readonly ms: number }>
}

/** What one variant did, round by round. */
export interface Rounds {
  /** Amount per second. */
  readonly rates: number[]
  /** Microseconds of processor time per unit of amount, on this side and, where there is one, on the other. */
  readonly cpuHereUs: number[]
  readonly cpuThereUs: number[]
}

/** Rounds that do not count: it takes seconds until all code of a variant is compiled, and windows have grown. */
const WARMUPS = 4

export async function takeTurns(
  variants: readonly Variant[],
  { rounds, quick }: { readonly rounds: number } & BenchOptions,
  other?: Pick<Peer<unknown>, 'cpuMs'>
): Promise<Map<string, Rounds>> {
  const measured = new Map(
    variants.map(({ name }) => [name, { rates: [], cpuHereUs: [], cpuThereUs: [] } as Rounds])
  )
  for (let round = quick ? 0 : -WARMUPS; round < (quick ? 2 : rounds); round++) {
    // Whoever comes first after a pause finds another machine than who comes last.
    const first = (round + WARMUPS) % variants.length
    for (const { name, round: run } of [...variants.slice(first), ...variants.slice(0, first)]) {
      const [hereMs, thereMs] = [ownCpuMs(), await other?.cpuMs()]
      const { amount, ms } = await run()
      if (round < 0) continue
      const { rates, cpuHereUs, cpuThereUs } = measured.get(name)!
      rates.push((amount * 1000) / ms)
      cpuHereUs.push(((ownCpuMs() - hereMs) * 1000) / amount)
      if (other && thereMs !== undefined) cpuThereUs.push((((await other.cpuMs()) - thereMs) * 1000) / amount)
    }
  }
  return measured
}

/** Rates of all variants, with the processor time that each took. */
export function rateTable(
  title: string,
  measured: ReadonlyMap<string, Rounds>,
  options: TableOptions
): BenchTable {
  const rates = new Map([...measured].map(([name, { rates }]) => [name, rates]))
  const { rows } = tableOf(title, rates, { ...options, unit: `${options.unit}/s` })
  return {
    title,
    rows: rows.map(row => {
      const { cpuHereUs, cpuThereUs } = measured.get(row.name)!
      if (cpuThereUs.length === 0) return row
      return { ...row, cpuUs: [rounded(medianOf(cpuHereUs)), rounded(medianOf(cpuThereUs))] as const }
    })
  }
}

/** Adds one value to the series called `name`. */
export function take(series: Map<string, number[]>, name: string, value: number): void {
  const values = series.get(name)
  if (values === undefined) series.set(name, [value])
  else values.push(value)
}
