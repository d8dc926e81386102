/** Outcomes for people: figures in a table, and the answer. */

import type { Figure, Outcome } from './scenario.ts'

export function toWords({
  outcome,
  reason,
  emulator,
  translator,
  checks,
  figures,
  durationMs
}: Outcome): string {
  const failed = checks.filter(({ holds }) => !holds)
  const answers = {
    passed: `Yes: ${checks.length} of ${checks.length} promises hold.`,
    failed: `No: ${reason ?? `${failed.length} of ${checks.length} promises do not hold.`}`,
    'not run': `Not run: ${reason}`
  }
  return [
    ...(figures.length > 0 ? [tableOf(figures)] : []),
    ...(emulator === null ? [] : [`Links by: ${emulator}.`]),
    ...(translator === null ? [] : [`Addresses translated by: ${translator}.`]),
    `${answers[outcome]} (${Math.round(durationMs / 1000)} s)`,
    ''
  ].join('\n')
}

/** A row for each rung where there are rungs, else one for each figure. */
function tableOf(figures: readonly Figure[]): string {
  const rungs = [...new Set(figures.map(({ rung }) => rung))]
  if (rungs[0] === undefined) {
    return table(figures.map(({ metric, value, unit }) => [metric, `${rounded(value)} ${unit}`]))
  }
  const metrics = [...new Set(figures.map(({ metric }) => metric))]
  const cell = (rung: Figure['rung'], metric: string): string => {
    const figure = figures.find(one => one.rung === rung && one.metric === metric)
    return figure === undefined ? '–' : `${rounded(figure.value)} ${figure.unit}`.trim()
  }
  return table([
    ['rung', ...metrics],
    ...rungs.map(rung => [rung!, ...metrics.map(metric => cell(rung, metric))])
  ])
}

const rounded = (value: number): string =>
  value < 10 ? value.toFixed(1).replace(/\.0$/, '') : String(Math.round(value))

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows
    .map(row => `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(' | ')} |`)
    .join('\n')
}
