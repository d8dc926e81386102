/** Writes what was found where everybody reads it: `bench/published/`, `docs/performance.md` and the README. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performanceDoc } from './performance.ts'
import { withFigures } from './readme-figures.ts'
import { BenchResult, publishedNames, publishedResults, readPublished, writePublished } from './results.ts'
import { isSoakRecord, type SoakSummary, summaryOf } from './soak-summary.ts'

export const DOC = join(import.meta.dirname, '../docs/performance.md')
export const README = join(import.meta.dirname, '../README.md')

/** Everything that is generated, as it must be: by file. */
export function generated(): Map<string, string> {
  const results = publishedResults()
  const soak = publishedNames().includes('soak') ? (readPublished('soak') as SoakSummary) : undefined
  return new Map([
    [DOC, performanceDoc(results, soak)],
    [README, withFigures(readFileSync(README, 'utf8'), results)]
  ])
}

export function publish(results: readonly BenchResult[]): void {
  for (const result of results) writePublished(result.bench, result)
  for (const [file, text] of generated()) writeFileSync(file, text)
}

/** What `--json` kept of benches, or of a soak. */
export function publishFile(path: string): void {
  const kept: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (typeof kept !== 'object' || kept === null) throw new Error(`${path} holds no result.`)
  if (isSoakRecord(kept)) {
    if (kept.load === 'memory') throw new Error('A soak of memory is told in docs/memory.md.')
    writePublished('soak', summaryOf(kept))
    publish([])
  } else
    publish(('results' in kept ? (kept.results as unknown[]) : [kept]).map(one => BenchResult.parse(one)))
}
