/** Settings as they are written in a field, and read from it. */

import type { Output } from '../node.ts'

export type Setting = Output<'config.show'>['items'][number]

/** What a field shows of a value. */
export function textOf({ kind }: Pick<Setting, 'kind'>, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (kind === 'list') return (value as readonly unknown[]).join('\n')
  if (kind === 'table') return JSON.stringify(value, null, 2)
  return String(value)
}

/** What a field says: of a list one item a line; a table is read as YAML by the node. */
export function valueFrom({ kind }: Pick<Setting, 'kind'>, text: string): unknown {
  const trimmed = text.trim()
  if (kind === 'number') return trimmed === '' ? null : Number(trimmed)
  if (kind !== 'list') return trimmed
  return trimmed
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
}

/** A default, and a value that is not written in a field, in one line. */
export function lineOf(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (typeof value === 'object') return Object.keys(value).length === 0 ? '–' : JSON.stringify(value)
  return String(value)
}

export type Origin = 'default' | 'file' | 'environment' | 'flag' | 'membership'

export function originOf({ origin }: Pick<Setting, 'origin'>): Origin {
  if (origin === 'default') return 'default'
  if (origin.startsWith('env ')) return 'environment'
  if (origin.startsWith('flag ')) return 'flag'
  return origin.startsWith('membership') ? 'membership' : 'file'
}

/** Those without a section of their own. */
const SECTIONS: Readonly<Record<string, string>> = { name: 'mesh', access: 'models' }

export const sectionOf = ({ key }: Pick<Setting, 'key'>): string => SECTIONS[key] ?? key.split('.')[0]!

/** As a shell takes it. */
export function commandFor({ key, kind, value }: Setting): string {
  const text = kind === 'list' || kind === 'table' || value === null ? 'VALUE' : String(value)
  return `lumos-node config set ${key} ${/^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`}`
}
