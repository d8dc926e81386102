/** Counts of a node, in the text format of Prometheus (0.0.4). What is counted costs an addition; text is made when it is asked for. */

export type Labels = Readonly<Record<string, string>>

interface Sample {
  /** After the name of the family, such as `_bucket`. */
  readonly suffix?: string
  readonly labels: Labels
  readonly value: number
}

export interface Family {
  /** In base units, with the unit at its end; a counter ends with `_total`. */
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly Sample[]
}

/** Bytes of one protocol over all connections. */
export interface ProtocolTraffic {
  readonly protocol: string
  readonly received: number
  readonly sent: number
}

/** What a node counts from its start. */
export interface LumosMetrics {
  families(): readonly Family[]
}

/** Combinations of labels of one family. Names of models and codes come from peers, and each is a series in the database. */
const SERIES_MAX = 200
/** What all further ones are counted under. */
export const OTHER = 'other'

interface Series<T> {
  readonly labels: Labels
  readonly of: T
}

/** One value for each combination of labels, and one for all that come when there are many. */
class SeriesTable<T> {
  readonly #series = new Map<string, Series<T>>()
  readonly #names: readonly string[]
  readonly #make: () => T

  constructor(names: readonly string[], make: () => T) {
    this.#names = names
    this.#make = make
  }

  of(values: readonly string[]): T {
    const key = values.join('\n')
    const known = this.#series.get(key)
    if (known !== undefined) return known.of
    if (this.#series.size >= SERIES_MAX && !values.every(value => value === OTHER))
      return this.of(values.map(() => OTHER))
    const labels = Object.fromEntries(this.#names.map((name, n) => [name, values[n]!]))
    const of = this.#make()
    this.#series.set(key, { labels, of })
    return of
  }

  [Symbol.iterator](): Iterator<Series<T>> {
    return this.#series.values()
  }
}

export class Counter {
  readonly #about: Pick<Family, 'name' | 'help'>
  readonly #series: SeriesTable<{ value: number }>

  constructor(name: string, help: string, labels: readonly string[] = []) {
    this.#about = { name, help }
    this.#series = new SeriesTable(labels, () => ({ value: 0 }))
    if (labels.length === 0) this.#series.of([])
  }

  /** @param values of the labels, in their order. */
  add(amount: number, ...values: string[]): void {
    if (amount > 0) this.#series.of(values).value += amount
  }

  get family(): Family {
    const samples = [...this.#series].map(({ labels, of }) => ({ labels, value: of.value }))
    return { ...this.#about, type: 'counter', samples }
  }
}

export class Histogram {
  readonly #about: Pick<Family, 'name' | 'help'>
  readonly #bounds: readonly number[]
  readonly #series: SeriesTable<{ readonly counts: number[]; sum: number }>

  /** @param bounds upper ones, ascending; above the last is one more. */
  constructor(name: string, help: string, labels: readonly string[], bounds: readonly number[]) {
    this.#about = { name, help }
    this.#bounds = bounds
    this.#series = new SeriesTable(labels, () => ({ counts: bounds.map(() => 0).concat(0), sum: 0 }))
  }

  observe(value: number, ...values: string[]): void {
    const series = this.#series.of(values)
    const at = this.#bounds.findIndex(bound => value <= bound)
    series.counts[at < 0 ? this.#bounds.length : at]!++
    series.sum += value
  }

  get family(): Family {
    const samples = [...this.#series].flatMap(({ labels, of: { counts, sum } }) => {
      let count = 0
      const buckets = counts.map((more, n) => {
        count += more
        const le = n < this.#bounds.length ? String(this.#bounds[n]) : '+Inf'
        return { suffix: '_bucket', labels: { ...labels, le }, value: count }
      })
      return [...buckets, { suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: count }]
    })
    return { ...this.#about, type: 'histogram', samples }
  }
}

/** What is read when it is asked for. */
export const gauge = (name: string, help: string, value: number, labels: Labels = {}): Family => ({
  ...{ name, help, type: 'gauge' },
  samples: [{ labels, value }]
})

export function exposition(families: readonly Family[]): string {
  const lines = families.flatMap(({ name, help, type, samples }) => [
    `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(
      ({ suffix = '', labels, value }) => `${name}${suffix}${labelsText(labels)} ${numberText(value)}`
    )
  ])
  return `${lines.join('\n')}\n`
}

function labelsText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

/** A label holds what peers chose: no character of it ends its line. */
const escaped = (value: string): string =>
  value
    .replace(/\\/g, '\\\\')
    .replace(/"/g, '\\"')
    .replace(/\n/g, '\\n')
    .replace(/\p{Cc}/gu, ' ')

const numberText = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
