/** The few figures that the README shows, from what was published. */

import type { BenchResult } from './results.ts'
import { type BenchRow, figure } from './table.ts'

const BEGIN = '<!-- figures: made by `npm run bench -- publish` -->'
const END = '<!-- end of figures -->'

/** What the README says of one row of a bench. */
interface Pick {
  readonly what: string
  readonly bench: string
  readonly table: string
  readonly row: string
  /** A reference of the same table to tell beside it, as it is or as a ratio. */
  readonly beside?: 'figures' | 'ratios'
}

const PICKS: readonly Pick[] = [
  {
    what: 'start to `Ready`, built',
    bench: 'start',
    table: 'Commands, built, from process start to their end',
    row: 'start to Ready',
    beside: 'figures'
  },
  {
    what: 'memory of an idle node',
    bench: 'start',
    table: 'Resident memory, built',
    row: 'idle node',
    beside: 'figures'
  },
  {
    what: '`status`, as a command',
    bench: 'start',
    table: 'Commands, built, from process start to their end',
    row: 'status'
  },
  {
    what: 'longest stall of the node while a 17 ms model runs',
    bench: 'start',
    table: "Longest stall of the node's own loop in 500 ms",
    row: 'while a model computes for 17 ms',
    beside: 'figures'
  },
  {
    what: 'a remote `digits-cnn` call, added to the model’s own time',
    bench: 'infer',
    table: 'digits-cnn asked for a PNG',
    row: 'added by the mesh'
  },
  ...[
    ['small calls, 1 KiB, 1 in flight', '1 KiB each way, 1 in flight'],
    ['small calls, 1 KiB, 128 in flight', '1 KiB each way, 128 in flight'],
    ['calls of 64 KiB, 16 in flight', '64 KiB each way, 16 in flight']
  ].map(([what, table]) => ({
    what: what!,
    bench: 'rpc',
    table: table!,
    row: 'lumos',
    beside: 'ratios' as const
  })),
  {
    what: 'bulk one way, encrypted',
    bench: 'bulk',
    table: 'Bulk one way, encrypted, beside a socket that is not',
    row: 'lane',
    beside: 'ratios'
  },
  {
    what: 'weights to the disk of another device, verified',
    bench: 'weights',
    table: 'Weights to disk, between two processes',
    row: 'lumos',
    beside: 'ratios'
  },
  {
    what: 'processor time of a call under all checks',
    bench: 'guard',
    table: 'Enforcement, processor time of both sides, 1 KiB each way, 128 in flight',
    row: 'with enforcement',
    beside: 'ratios'
  }
]

/** `readme` with the figures that were published, without those of benches that were not; as it is when none was. */
export function withFigures(readme: string, results: readonly BenchResult[]): string {
  const [before, after] = [readme.indexOf(BEGIN), readme.indexOf(END)]
  if (before === -1 || after === -1) throw new Error(`The README has no ${BEGIN} … ${END}.`)
  if (results.length === 0) return readme
  const lines = PICKS.flatMap(pick => lineOf(pick, results))
  const table = ['| what | measured | beside | command |', '|---|---|---|---|', ...lines].join('\n')
  return `${readme.slice(0, before)}${BEGIN}\n${table}\n${readme.slice(after)}`
}

/** @throws when the bench was published and has no such row. */
function lineOf({ what, bench, table, row, beside }: Pick, results: readonly BenchResult[]): string[] {
  const result = results.find(result => result.bench === bench)
  if (result === undefined) return []
  const rows = result.tables.find(({ title }) => title === table)?.rows ?? []
  const found = rows.find(({ name }) => name === row)
  if (found === undefined) throw new Error(`bench/published/${bench}.json has no "${table}: ${row}".`)
  return [
    `| ${what} | ${withUnit(found)} | ${besideOf(found, rows, beside)} | \`npm run bench -- ${bench}\` |`
  ]
}

function besideOf(row: BenchRow, rows: readonly BenchRow[], beside: Pick['beside']): string {
  if (beside === undefined) return ''
  if (beside === 'ratios') {
    return (row.ratios ?? []).map(({ against, value }) => `${figure(value)} × ${against}`).join(', ')
  }
  return rows
    .filter(({ reference }) => reference)
    .map(reference => `${reference.name}: ${withUnit(reference)}`)
    .join(', ')
}

const withUnit = ({ value, unit }: BenchRow): string => `${figure(value)} ${unit}`
