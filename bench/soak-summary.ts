/** What is published of a soak: its verdicts and its course, without the thousands of single measurements. */

import type { SoakRecord } from '../soak/book.ts'
import { machineText, wrapped } from './prose.ts'
import { type BenchResult, provenance } from './results.ts'

const COURSE_METRICS = ['rssBeforeMB', 'rssMB', 'heapMB', 'externalMB', 'descriptors', 'connections'] as const
const COURSE_EVERY_MINUTES = 10

export interface SoakSummary extends Omit<SoakRecord, 'samples'>, Pick<BenchResult, 'machine' | 'commit'> {
  readonly course: readonly ({ minute: number } & Record<(typeof COURSE_METRICS)[number], number>)[]
}

export const isSoakRecord = (kept: object): kept is SoakRecord => 'verdicts' in kept && 'samples' in kept

/** Of a soak that ran on this machine. */
export function summaryOf({ samples, ...record }: SoakRecord): SoakSummary {
  const byMinute = Map.groupBy(samples, ({ hours }) => Math.floor(hours * 60))
  const course = [...byMinute]
    .filter(([minute]) => minute % COURSE_EVERY_MINUTES === 0 || minute === Math.max(...byMinute.keys()))
    .map(([minute, taken]) => {
      const means = COURSE_METRICS.map(metric => [
        metric,
        Number((taken.reduce((sum, sample) => sum + sample[metric], 0) / taken.length).toFixed(1))
      ])
      return { minute, ...Object.fromEntries(means) }
    })
  return { ...record, ...provenance(), course }
}

export function soakSection(summary: SoakSummary): string {
  const { hours, lastedHours, nodes, seed, warmHours, calls, churn, failures, machine, commit, course } =
    summary
  const verdicts = summary.verdicts.map(
    ({ title, unit, slope, worst, perHourMax, result }) =>
      `| ${title} | ${signed(slope.perHour)} ± ${slope.marginPerHour.toFixed(2)} ${unit} | ${signed(worst.perHour)} ± ${worst.marginPerHour.toFixed(2)} | < ${perHourMax} | ${result} |`
  )
  const rows = course.map(
    at => `| ${at.minute} | ${COURSE_METRICS.map(metric => at[metric].toFixed(1)).join(' | ')} |`
  )
  return `## Soak

${wrapped(
  `${nodes} nodes, each a process of its own, ask each other for ${lastedHours.toFixed(2)} h. Most of them stay and are measured; one of the others ` +
    'leaves and returns every ten seconds, by SIGTERM and SIGKILL in turn, and every two minutes a new device joins and one is revoked. ' +
    'Resident memory is compared after V8 was made to give back what it can.'
)}

${wrapped(`\`npm run soak -- --hours ${hours} --nodes ${nodes} --seed ${seed}\`, ${machineText(machine)}, source ${commit}.`)}

${wrapped(
  `${calls.made.toLocaleString('en-US')} calls of the nodes that stay (p50 ${calls.p50Ms.toFixed(1)} ms, p99 ${calls.p99Ms.toFixed(1)} ms, on a machine that ` +
    `others were using) and ${calls.streams.toLocaleString('en-US')} streams; ${calls.lost} lost between nodes that stay, ${calls.lostToChurn} to nodes that were leaving, ${calls.lostToMeasuring} while one of the two stood still to be measured. ` +
    `${churn.terminated} terminated, ${churn.killed} killed, ${churn.returned} returned, ${churn.joined} joined, ${churn.revoked} revoked; ` +
    `${failures.length === 0 ? 'nothing failed' : failures.join('; ')}.`
)}

Growth per hour after the first ${(warmHours * 60).toFixed(0)} minutes: the mean of the nodes that stay with its 95 % interval, and the node that
grew fastest. *Unclear* means that the limit lies within the interval, and only a longer soak can tell.

| | per hour | fastest node | limit | |
| --- | --- | --- | --- | --- |
${verdicts.join('\n')}

| minute | RSS as it comes, MB | RSS after collection, MB | live heap, MB | live buffers, MB | descriptors | connections |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`
