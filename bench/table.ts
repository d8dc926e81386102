/** What a benchmark found: medians, their noise, and how they compare within the same run. */

import * as z from 'zod'
import { medianOf, noiseOf, ratiosOf } from './statistics.ts'

/** Half the width of a 95 % confidence interval, relative to its middle. */
const Noise = z.number().min(0)

const Ratio = z.strictObject({
  /** The row of the same table that is 1. */
  against: z.string(),
  value: z.number(),
  noise: Noise,
  /** What is promised of it. */
  atMost: z.number().optional()
})

const BenchRow = z.strictObject({
  name: z.string(),
  /** The median of the rounds. */
  value: z.number(),
  /** What ends in `/s` is the better the more it is, all else the less. */
  unit: z.string(),
  noise: Noise,
  /** What is promised of the value itself: at most, and at least of what ends in `/s`. */
  limit: z.number().optional(),
  /** Somebody else's figure, measured to compare with. */
  reference: z.boolean().optional(),
  ratios: z.array(Ratio).optional(),
  /** Microseconds of processor time per unit of work: on the side that asks and on the one that answers. */
  cpuUs: z.tuple([z.number(), z.number()]).optional()
})
export type BenchRow = z.infer<typeof BenchRow>

export const BenchTable = z.strictObject({ title: z.string(), rows: z.array(BenchRow).min(1) })
export type BenchTable = z.infer<typeof BenchTable>

/** Values by row, one for each round. */
export type Series = ReadonlyMap<string, readonly number[]>

export interface TableOptions {
  readonly unit: string
  /** Rows that the others are compared with. */
  readonly references: readonly string[]
  /** By what factor the other rows may exceed each reference. */
  readonly atMost?: number
  /** What a row itself may be at most; at least, where the unit ends in `/s`. */
  readonly limits?: Readonly<Record<string, number>>
}

export function tableOf(title: string, series: Series, options: TableOptions): BenchTable {
  const { unit, references, atMost, limits = {} } = options
  const rows = [...series].map(([name, values]): BenchRow => {
    const limit = limits[name]
    const measured = { value: rounded(medianOf(values)), unit, noise: rounded(noiseOf(values)) }
    if (limit !== undefined) return { name, ...measured, limit }
    const row = { name, ...measured }
    if (references.includes(name)) return { ...row, reference: true }
    const ratios = references.map(against => {
      const rounds = ratiosOf(values, series.get(against)!)
      return { against, value: rounded(medianOf(rounds)), noise: rounded(noiseOf(rounds)), atMost }
    })
    return ratios.length > 0 ? { ...row, ratios } : row
  })
  return { title, rows }
}

/** Rows that exceed their limit. Noise excuses none: a limit that only holds within the noise does not hold. */
export const brokenPromises = (tables: readonly BenchTable[]): string[] =>
  tables.flatMap(({ title, rows }) =>
    rows.flatMap(({ name, value, unit, limit, ratios = [] }) => [
      ...(limit !== undefined && isBroken(value, unit, limit)
        ? [
            `${title}: ${name} is ${value} ${unit}; at ${isRate(unit) ? 'least' : 'most'} ${limit} is promised.`
          ]
        : []),
      ...ratios
        .filter(({ value, atMost = Infinity }) => value > atMost)
        .map(
          ({ against, value, atMost }) =>
            `${title}: ${name} is ${value} × ${against}; at most ${atMost} is promised.`
        )
    ])
  )

const isRate = (unit: string): boolean => unit.endsWith('/s')
const isBroken = (value: number, unit: string, limit: number): boolean =>
  isRate(unit) ? value < limit : value > limit

/** For a terminal. */
export function textOf({ title, rows }: BenchTable): string {
  const cells = rows.map(row => cellsOf(row))
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map(row => row[column]!.length)))
  const lines = cells.map(row =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd()
  )
  return [title, ...lines].join('\n')
}

/** The same words on the screen and in the documentation. */
export const cellsOf = ({ name, value, unit, noise, limit, ratios = [], cpuUs }: BenchRow): string[] => [
  name,
  `${figure(value)} ${unit}`,
  `±${percent(noise)}`,
  limit === undefined ? ratios.map(ratioText).join(', ') : limitText(value, limit, unit),
  cpuUs === undefined ? '' : `${figure(cpuUs[0])} + ${figure(cpuUs[1])} µs`
]

const ratioText = ({ against, value, noise, atMost }: z.infer<typeof Ratio>): string =>
  `${figure(value)} ± ${figure(Number((value * noise).toPrecision(1)))} × ${against}` +
  (atMost === undefined ? '' : ` (${limitText(value, atMost)})`)

const limitText = (value: number, limit: number, unit = ''): string => {
  const [beyond, within] = isRate(unit) ? ['below', 'at least'] : ['above', 'at most']
  return isBroken(value, unit, limit) ? `${beyond} its limit of ${limit}` : `${within} ${limit}`
}

/** Three digits, and commas in what is large. */
export const figure = (value: number): string => Number(value.toPrecision(3)).toLocaleString('en-US')

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`

/** As much as any of it can be trusted. */
export const rounded = (value: number): number => Number(value.toPrecision(4))
