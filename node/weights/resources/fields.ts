/** The fields of a configuration, each with its place: unknown ones are reported, and those of other programs noted. */

import { closestNames } from '../../../interface/suggest.ts'

export type Path = readonly PropertyKey[]
export type Values = Readonly<Record<string, unknown>>

/** What is read, and where its mistakes go. */
export interface ReaderSource {
  readonly value: unknown
  readonly problems: readonly unknown[]
  report(path: Path, message: string, of?: 'key' | 'value'): void
  warn(path: Path, message: string): void
}

/** For another program: its packages and ports. */
const UNUSED: ReadonlySet<string> = new Set([
  'package',
  'import',
  'dependencies',
  'server',
  'hub',
  'optimization'
])

export class Fields {
  readonly #source: ReaderSource
  readonly #unused = new Map<string, Path>()

  constructor(source: ReaderSource) {
    this.#source = source
  }

  /** @param known the names there are; absent: any. */
  of(path: Path, value: unknown, known?: readonly string[]): Values | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#source.report(path, value === undefined ? 'is missing' : 'expected names with values, one a line')
      return undefined
    }
    for (const name of Object.keys(value)) {
      const own = [...path, name]
      if (known !== undefined && !known.includes(name))
        this.#source.report(own, `unknown name${meant(name, known)}`, 'key')
      else if (known !== undefined && UNUSED.has(name) && !this.#unused.has(name)) this.#unused.set(name, own)
    }
    return value as Values
  }

  matching(path: Path, value: unknown, pattern: RegExp, expected: string): string | undefined {
    if (typeof value === 'string' && pattern.test(value)) return value
    this.#source.report(path, `expected ${expected}`)
    return undefined
  }

  /** A field of this name is used after all. */
  use(name: string): void {
    this.#unused.delete(name)
  }

  /** One warning for all of them: they are another program's, and right to be there. */
  warnUnused(): void {
    const [first] = this.#unused.values()
    if (first !== undefined)
      this.#source.warn(
        first,
        `not used here: ${[...this.#unused.keys()].join(', ')}. Services are started by their own program`
      )
  }
}

export function meant(name: string, known: Iterable<string>): string {
  const [closest] = closestNames(name, known)
  return closest === undefined ? '' : `; did you mean ${JSON.stringify(closest)}?`
}
