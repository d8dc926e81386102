/** Whether a result is better or worse than the one that was published, beyond what noise explains. */

import { type BenchResult, isSameMachine } from './results.ts'
import { type BenchRow, figure } from './table.ts'

/**
 * What gets worse by more than this is a regression. Below it, two runs of the
 * same code on a shared machine differ by themselves.
 */
const REGRESSION_MAX = 0.1

export interface Comparison {
  readonly what: string
  readonly published: number
  readonly now: number
  /** How much better it is: 0.1 is a tenth, negative is worse. */
  readonly change: number
  /** The change that noise alone may bring. */
  readonly noise: number
  readonly verdict: 'better' | 'same' | 'worse' | 'regressed'
}

/**
 * Row by row: our ratios to what was measured beside us, which hold on any machine;
 * on the same kind of machine, rows without a ratio as they are.
 */
export function compare(now: BenchResult, published: BenchResult): Comparison[] {
  const sameMachine = isSameMachine(now.machine, published.machine)
  return now.tables.flatMap(({ title, rows }) => {
    const before = published.tables.find(table => table.title === title)?.rows ?? []
    return rows.flatMap(row => {
      const then = before.find(({ name }) => name === row.name)
      if (then === undefined || row.reference) return []
      return pairsOf(row, then, sameMachine).map(([suffix, one, other]) =>
        judge(`${title}: ${row.name}${suffix}`, row.unit, one, other)
      )
    })
  })
}

interface Figure {
  readonly value: number
  readonly noise: number
}

function pairsOf(
  row: BenchRow,
  then: BenchRow,
  sameMachine: boolean
): [suffix: string, now: Figure, then: Figure][] {
  if (row.ratios === undefined || row.ratios.length === 0) return sameMachine ? [['', row, then]] : []
  return row.ratios.flatMap(ratio => {
    const before = then.ratios?.find(({ against }) => against === ratio.against)
    return before === undefined ? [] : [[` × ${ratio.against}`, ratio, before] as [string, Figure, Figure]]
  })
}

function judge(what: string, unit: string, now: Figure, published: Figure): Comparison {
  const grown = now.value / published.value - 1
  const change = unit.endsWith('/s') ? grown : -grown
  const noise = Math.hypot(now.noise, published.noise)
  const verdict =
    Math.abs(change) <= noise
      ? 'same'
      : change > 0
        ? 'better'
        : change < -REGRESSION_MAX
          ? 'regressed'
          : 'worse'
  return { what, published: published.value, now: now.value, change, noise, verdict }
}

export const comparisonLine = ({ what, published, now, change, noise, verdict }: Comparison): string =>
  `${verdict.padEnd(9)} ${what}: ${figure(now)}, published ${figure(published)}` +
  ` (${change < 0 ? '−' : '+'}${Math.abs(change * 100).toFixed(1)} %, noise ±${(noise * 100).toFixed(1)} %)`
