/** Results as they are kept: what was found, and on what. */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { BenchTable } from './table.ts'

export const BenchResult = z.strictObject({
  bench: z.string(),
  machine: z.strictObject({
    cpu: z.string(),
    cores: z.int(),
    memoryGB: z.int(),
    platform: z.string(),
    node: z.string()
  }),
  /** Of the source that was measured; with a `+` when that had changes of its own. */
  commit: z.string(),
  tables: z.array(BenchTable).min(1)
})
export type BenchResult = z.infer<typeof BenchResult>

export const resultOf = (bench: string, tables: BenchTable[]): BenchResult => ({
  bench,
  ...provenance(),
  tables
})

/** Where and of what a result is. */
export function provenance(): Pick<BenchResult, 'machine' | 'commit'> {
  return {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memoryGB: Math.round(totalmem() / 1e9),
      platform: `${process.platform} ${process.arch}`,
      node: process.version
    },
    commit: commit()
  }
}

/** Figures of another machine, or of another Node, are no measure for those of this one. */
export const isSameMachine = (one: BenchResult['machine'], other: BenchResult['machine']): boolean =>
  one.cpu === other.cpu && one.cores === other.cores && one.node === other.node

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    })
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no').trim() !== ''
    return git('rev-parse', '--short=10', 'HEAD').trim() + (changed ? '+' : '')
  } catch {
    return 'unknown'
  }
}

const PUBLISHED = join(import.meta.dirname, 'published')

/** What was published last, by bench. */
export function publishedResults(): BenchResult[] {
  return publishedNames()
    .filter(name => name !== 'soak')
    .map(name => BenchResult.parse(readPublished(name)))
}

/** None in a source that nobody has measured yet. */
export const publishedNames = (): string[] =>
  !existsSync(PUBLISHED)
    ? []
    : readdirSync(PUBLISHED)
        .filter(name => name.endsWith('.json'))
        .map(name => name.slice(0, -'.json'.length))
        .sort()

export const readPublished = (name: string): unknown =>
  JSON.parse(readFileSync(join(PUBLISHED, `${name}.json`), 'utf8'))

export function writePublished(name: string, result: unknown): void {
  mkdirSync(PUBLISHED, { recursive: true })
  writeFileSync(join(PUBLISHED, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`)
}
