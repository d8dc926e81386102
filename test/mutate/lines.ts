/** Which lines of the product a test file executes, from V8's coverage of its own process and of those that it starts. */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PRODUCT } from './draw.ts'

/** The first and the last of some lines that follow each other, from 1. */
export type Span = readonly [first: number, last: number]
export interface FileLines {
  /** Of the text that was executed: line numbers of another text say nothing. */
  readonly digest: string
  readonly executed: readonly Span[]
}
export interface ScriptCoverage {
  readonly url: string
  readonly functions: readonly {
    readonly ranges: readonly {
      readonly startOffset: number
      readonly endOffset: number
      readonly count: number
    }[]
  }[]
}

export const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** The lines of `text` that ran at least in part. */
export function executedLines(text: string, functions: ScriptCoverage['functions']): Set<number> {
  const runs = new Uint8Array(text.length)
  // Outer ranges first, so that each place keeps the count of the innermost one around it.
  const ranges = functions
    .flatMap(each => each.ranges)
    .sort((one, other) => one.startOffset - other.startOffset || other.endOffset - one.endOffset)
  for (const { startOffset, endOffset, count } of ranges) runs.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  const lines = new Set<number>()
  let line = 1
  for (let place = 0; place < text.length; place++) {
    if (text[place] === '\n') line++
    else if (runs[place] === 1 && text[place] !== ' ') lines.add(line)
  }
  return lines
}

/** All that the reports in `folder` say about the files of the product below `root`. */
export function linesIn(folder: string, root: string): Record<string, FileLines> {
  const base = `${pathToFileURL(root).href}/`
  const lines = new Map<string, Set<number>>()
  const texts = new Map<string, string>()
  for (const name of readdirSync(folder)) {
    for (const { url, functions } of scriptsOf(join(folder, name))) {
      const file = decodeURI(url.replace(/\?.*$/, '')).slice(base.length)
      if (!url.startsWith(base) || !PRODUCT.includes(file.split('/')[0]!)) continue
      if (!texts.has(file)) texts.set(file, readFileSync(join(root, file), 'utf8'))
      const executed = executedLines(texts.get(file)!, functions)
      lines.set(file, new Set([...executed, ...(lines.get(file) ?? [])]))
    }
  }
  return Object.fromEntries(
    [...lines].map(([file, set]) => [file, { digest: digestOf(texts.get(file)!), executed: spansOf(set) }])
  )
}

/** A process that was killed leaves half a report, or none. */
function scriptsOf(path: string): readonly ScriptCoverage[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).result
  } catch {
    return []
  }
}

function spansOf(lines: ReadonlySet<number>): Span[] {
  const spans: [number, number][] = []
  for (const line of [...lines].sort((one, other) => one - other)) {
    const last = spans.at(-1)
    if (last?.[1] === line - 1) last[1] = line
    else spans.push([line, line])
  }
  return spans
}
