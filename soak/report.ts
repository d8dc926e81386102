/** A soak in words and figures. */

import type { Calls, SoakRecord } from './book.ts'
import type { Churn } from './fleet.ts'
import type { Verdict } from './verdict.ts'

/** What was seen in the last round, on one line. */
export function progressLine({ samples, lastedHours, hours, calls, churn }: SoakRecord): string {
  const names = new Set(samples.map(({ node }) => node))
  const last = samples.slice(-names.size)
  const mean = (metric: 'rssBeforeMB' | 'rssMB' | 'heapMB' | 'descriptors' | 'connections') =>
    last.reduce((sum, sample) => sum + sample[metric], 0) / last.length
  return [
    `${(lastedHours * 60).toFixed(1)} of ${(hours * 60).toFixed(1)} min`,
    `RSS ${mean('rssBeforeMB').toFixed(0)} → ${mean('rssMB').toFixed(1)} MB, live heap ${mean('heapMB').toFixed(1)} MB`,
    `${mean('descriptors').toFixed(0)} descriptors, ${mean('connections').toFixed(1)} connections`,
    callLine(calls),
    churnLine(churn)
  ].join(' | ')
}

export function reportOf(record: SoakRecord): string {
  const { nodes, seed, lastedHours, warmHours, ended, calls, churn, failures, verdicts, samples } = record
  const warnings = [...new Set(samples.flatMap(sample => sample.warnings))]
  return [
    `${nodes} nodes for ${lastedHours.toFixed(2)} h, seed ${seed}${ended === 'early' ? ', ended early' : ''}`,
    `  ${callLine(calls)}`,
    `  ${churnLine(churn)}`,
    '',
    ...(verdicts.length === 0
      ? [`Too short for a slope: nothing is judged in the first ${(warmHours * 60).toFixed(1)} min.`]
      : [
          `Growth per hour of the nodes that stayed, after ${(warmHours * 60).toFixed(1)} min, with 95 % intervals:`
        ]),
    ...table(verdicts),
    ...failures.map(failure => `FAILED: ${failure}`),
    ...warnings.map(warning => `WARNING of Node: ${warning}`)
  ].join('\n')
}

function table(verdicts: readonly Verdict[]): string[] {
  const rows = verdicts.map(({ title, unit, first, last, slope, worst, perHourMax, result }) => [
    title,
    `${first.toFixed(1)} → ${last.toFixed(1)} ${unit}`.trim(),
    signed(slope.perHour, slope.marginPerHour),
    `${worst.node} ${signed(worst.perHour, worst.marginPerHour)}`,
    `< ${perHourMax}`,
    result
  ])
  if (rows.length === 0) return []
  rows.unshift(['', 'mean', 'per hour', 'fastest', 'limit', ''])
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd())
}

const signed = (value: number, margin: number): string =>
  `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)} ± ${margin.toFixed(2)}`

const callLine = ({ made, streams, lost, lostToMeasuring, lostToChurn, p50Ms, p99Ms }: Calls): string =>
  `${made} calls (p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms) and ${streams} streams, ${lost} lost, ${lostToChurn} more to nodes that left` +
  (lostToMeasuring > 0 ? ` and ${lostToMeasuring} to nodes that stood still to be measured` : '')

const churnLine = ({ terminated, killed, returned, joined, revoked }: Churn): string =>
  `${terminated} terminated, ${killed} killed, ${returned} returned, ${joined} joined, ${revoked} revoked`

/** Whether the soak found nothing that must not be; what is unclear is not held against it. */
export const passes = ({ ended, failures, verdicts, calls, samples }: SoakRecord): boolean =>
  ended !== 'failed' &&
  failures.length === 0 &&
  calls.lost === 0 &&
  verdicts.every(({ result }) => result !== 'rising') &&
  samples.every(({ warnings }) => warnings.length === 0)
