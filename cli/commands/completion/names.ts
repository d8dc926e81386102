/** `completion --names KIND`: names that the running node has, a line each, for the script of a shell. */

import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

/** Which unit has the names of a kind, where its answer has them, and in which field. */
const SOURCES = {
  model: ['model.list', 'items', 'id'],
  device: ['mesh.members', 'items', 'name'],
  space: ['memory.list', 'items', 'name'],
  job: ['job.list', 'items', 'id'],
  service: ['service.list', 'services', 'id'],
  engine: ['engine.list', 'items', 'name']
} as const

export type NameKind = keyof typeof SOURCES | 'unit'

/** A person waits for it at each press of the key. */
const TIMEOUT_MS = 1_000
/** A shell shows a list of a few hundred. */
const NAMES_MAX = 1_000

/** Prints nothing where no node runs, or it has no such names: a shell has no place for an error. */
export async function printNames(
  kind: string,
  { options, output }: Pick<Invocation, 'options' | 'output'>,
  timeoutMs = TIMEOUT_MS
): Promise<void> {
  const names = await namesOf(kind, options, timeoutMs).catch(() => [])
  // A name of another device must be one line, and no sequence of a terminal.
  const plain = names.filter(name => typeof name === 'string' && !/\p{Cc}/u.test(name))
  const lines = [...new Set(plain)].slice(0, NAMES_MAX)
  if (lines.length > 0) output.line(lines.join('\n'))
}

async function namesOf(
  kind: string,
  options: { readonly home?: string },
  timeoutMs: number
): Promise<readonly string[]> {
  const node = findNode(options)
  const signal = AbortSignal.timeout(timeoutMs)
  if (kind === 'unit') return await node.unitNames({ signal })
  if (!Object.hasOwn(SOURCES, kind)) return []
  const [unit, list, field] = SOURCES[kind as keyof typeof SOURCES]
  const { data } = await node.execute<Record<string, Record<string, string>[]>>(unit, {}, { signal })
  return data[list]!.map(item => item[field]!)
}
