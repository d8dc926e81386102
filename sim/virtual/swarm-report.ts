/** What a swarm of seeds has come to, for programs and for people. */

import { INVARIANTS, type Invariant } from './promises.ts'
import type { SwarmFailure, SwarmRun } from './swarm.ts'

export interface SwarmReport {
  readonly first: number
  readonly seeds: number
  readonly passed: number
  /** Events and effects, over all seeds. */
  readonly events: number
  readonly virtualHours: number
  /** How long after the healing all agreed: of half of the seeds, of 99 in 100, and of all. */
  readonly agreedS: { readonly p50: number; readonly p99: number; readonly max: number }
  /** How requests ended; `ok` is a whole answer, `crash` that whoever asked crashed. */
  readonly outcomes: Readonly<Record<string, number>>
  /** One number for all traces, in the order of seeds. */
  readonly hash: string
  readonly failures: readonly (SwarmFailure & { readonly seed: number; readonly plan: string })[]
  readonly wallS: number
}

export function reportOf(runs: readonly SwarmRun[], wallS: number): SwarmReport {
  const sorted = runs.toSorted((a, b) => a.seed - b.seed)
  const agreed = sorted.flatMap(({ agreedMs }) => agreedMs ?? []).sort((a, b) => a - b)
  const share = (part: number): number =>
    (agreed[Math.min(agreed.length - 1, Math.floor(part * agreed.length))] ?? 0) / 1000
  const outcomes: Record<string, number> = {}
  for (const run of sorted) {
    for (const [code, count] of Object.entries(run.outcomes)) outcomes[code] = (outcomes[code] ?? 0) + count
  }
  return {
    first: sorted[0]?.seed ?? 0,
    seeds: sorted.length,
    passed: sorted.filter(({ failure }) => failure === undefined).length,
    events: sorted.reduce((sum, { events }) => sum + events, 0),
    virtualHours: sorted.reduce((sum, { virtualMs }) => sum + virtualMs, 0) / 3_600_000,
    agreedS: { p50: share(0.5), p99: share(0.99), max: share(1) },
    outcomes,
    hash: sorted
      .reduce((hash, run) => mixed(hash, run.hash), 0x811c9dc5)
      .toString(16)
      .padStart(8, '0'),
    failures: sorted.flatMap(({ seed, plan, failure }) =>
      failure === undefined ? [] : [{ seed, plan, ...failure }]
    ),
    wallS
  }
}

function mixed(hash: number, text: string): number {
  let mix = hash
  for (let i = 0; i < text.length; i++) mix = Math.imul(mix ^ text.charCodeAt(i), 0x01000193)
  return mix >>> 0
}

/** Lines for a terminal, and for a file that somebody reads later. */
export function linesOf(report: SwarmReport): string[] {
  const { seeds, passed, first, agreedS, outcomes, failures } = report
  const requests = Object.values(outcomes).reduce((sum, count) => sum + count, 0)
  const byCount = Object.entries(outcomes).sort((a, b) => b[1] - a[1])
  return [
    `${passed} of ${seeds} seeds passed (${first} to ${first + seeds - 1}), each run twice, in ${report.wallS.toFixed(0)} s`,
    `${report.virtualHours.toFixed(1)} hours of virtual time, ${(report.events / 1e6).toFixed(1)} million events and effects; all traces ${report.hash}`,
    `all agreed ${agreedS.p50.toFixed(0)} s after the healing in half of the seeds, ${agreedS.p99.toFixed(0)} s in 99 of 100, ${agreedS.max.toFixed(0)} s at most`,
    `${requests} requests: ${byCount.map(([code, count]) => `${code} ${((100 * count) / requests).toFixed(1)} %`).join(', ')}`,
    ...countsOf(failures),
    ...failures.slice(0, 5).flatMap(failureLines)
  ]
}

function countsOf(failures: SwarmReport['failures']): string[] {
  const counts = new Map<Invariant, number>()
  for (const { invariant } of failures) counts.set(invariant, (counts.get(invariant) ?? 0) + 1)
  return [...counts].map(
    ([invariant, count]) => `${count} seeds broke ${invariant}: ${INVARIANTS[invariant]}`
  )
}

export const failureLines = ({
  seed,
  plan,
  message,
  atMs,
  events
}: SwarmReport['failures'][number]): string[] => [
  '',
  `seed ${seed} at ${(atMs / 1000).toFixed(3)} s: ${message}`,
  `  drawn: ${plan}`,
  ...events.map(event => `  ${event}`),
  `  repeat it: npm run sim -- swarm --seed ${seed} --trace`
]
