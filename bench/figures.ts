/** Figures that are no rates (times, sizes) as a table. */

import { type BenchResult, medianOf } from './harness.ts'

/** Medians of `samples` by metric, rounded to what a noisy machine can tell. */
export function figures(
  samples: ReadonlyMap<string, readonly number[]>,
  unit: string,
  baseline: string
): BenchResult[] {
  const base = medianOf(samples.get(baseline)!)
  return [...samples].map(([metric, values]) => {
    const value = medianOf(values)
    const result = { metric, value: Number(value.toPrecision(3)), unit }
    return metric === baseline
      ? result
      : { ...result, baseline, ratio: Number((value / base).toPrecision(3)) }
  })
}

export function printFigures(title: string, results: readonly BenchResult[]): void {
  const rows = results.map(({ metric, value, unit, baseline, ratio }) => [
    metric,
    `${value} ${unit}`,
    ratio === undefined ? '' : `${ratio} × ${baseline}`
  ])
  const widths = [0, 1].map(column => Math.max(...rows.map(row => row[column]!.length)))
  console.log(`\n${title}`)
  for (const [metric, value, ratio] of rows) {
    console.log(`  ${metric!.padEnd(widths[0]!)}  ${value!.padStart(widths[1]!)}  ${ratio}`.trimEnd())
  }
}

/** Adds one sample. */
export function take(samples: Map<string, number[]>, metric: string, value: number): void {
  const values = samples.get(metric)
  if (values === undefined) samples.set(metric, [value])
  else values.push(value)
}
