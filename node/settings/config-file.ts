/** `lumos.yaml` as a list of settings, each with the line it stands on. */

import { readFileSync } from 'node:fs'
import { isMap, isNode, isScalar, LineCounter, type Pair, parseDocument, type YAMLMap } from 'yaml'
import { decodeText } from '../../interface/decode-text.ts'
import type { KnownSettings } from './config-schema.ts'
import { suggestionFor } from './config-spelling.ts'

/** Far more than a person writes; bounds what a wrong path can make us parse. */
const FILE_BYTES_MAX = 1024 * 1024

export interface FileSettings {
  readonly settings: readonly FileSetting[]
  readonly problems: readonly string[]
}

interface FileSetting {
  readonly key: string
  readonly value: unknown
  /** `path:line`, and the column for error messages. */
  readonly origin: string
  readonly column: number
}

/** A file that does not exist has no settings. */
export function readConfigFile(path: string, known: KnownSettings): FileSettings {
  let text: string
  try {
    text = decodeText(readFileSync(path))
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    return { settings: [], problems: code === 'ENOENT' ? [] : [`${path}: ${message}`] }
  }
  if (text.length > FILE_BYTES_MAX) {
    return { settings: [], problems: [`${path}: holds more than ${FILE_BYTES_MAX} bytes`] }
  }
  return parseConfig(path, text, known)
}

function parseConfig(path: string, text: string, known: KnownSettings): FileSettings {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const settings: FileSetting[] = []
  const problems: string[] = []

  const place = (offset: number | undefined) => lines.linePos(offset ?? 0)
  const report = (offset: number | undefined, problem: string) => {
    const { line, col } = place(offset)
    problems.push(`${path}:${line}:${col}: ${problem}`)
  }

  const visit = (map: YAMLMap, prefix: string) => {
    for (const pair of map.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : String(pair.key)
      const key = prefix + name
      const start = startOf(pair)

      if (known.byKey.has(key)) {
        const { line, col: column } = place(startOf(pair, 'value') ?? start)
        try {
          const value: unknown = isNode(pair.value) ? pair.value.toJS(document) : null
          settings.push({ key, value, origin: `${path}:${line}`, column })
        } catch (err) {
          // A name for a value that has none, or too many of them.
          report(startOf(pair, 'value'), (err as Error).message)
        }
      } else if (!known.sections.has(key)) {
        report(start, `unknown setting "${key}"${suggestionFor(key, known)}`)
      } else if (isMap(pair.value)) {
        visit(pair.value, `${key}.`)
      } else if (!isEmpty(pair.value)) {
        report(start, `"${key}" holds settings of its own, one a line below it`)
      }
    }
  }

  for (const { pos, message } of [...document.errors, ...document.warnings]) report(pos[0], message)
  if (document.errors.length === 0) {
    if (isMap(document.contents)) visit(document.contents, '')
    else if (!isEmpty(document.contents))
      report(document.contents?.range?.[0], 'expected settings, such as "name: den"')
  }
  return { settings, problems }
}

/** A section or file whose lines are all commented out. */
const isEmpty = (node: unknown): boolean => node == null || (isScalar(node) && node.value === null)

function startOf(pair: Pair, part: 'key' | 'value' = 'key'): number | undefined {
  return (pair[part] as { range?: [number, number, number] } | null)?.range?.[0]
}
