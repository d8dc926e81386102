/**
 * Inputs that are kept for ever: a corpus for each target, of those that reach what no other does, and every
 * input that once broke something.
 */

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Kind = 'corpus' | 'crashes'

const dirOf = (kind: Kind, target: string): string =>
  join(import.meta.dirname, kind, target.replaceAll(' ', '-'))

export function readKept(kind: Kind, target: string): { name: string; bytes: Uint8Array }[] {
  const dir = dirOf(kind, target)
  let names: string[]
  try {
    names = readdirSync(dir).sort()
  } catch {
    return []
  }
  return names.map(name => ({ name, bytes: readFileSync(join(dir, name)) }))
}

/** @returns its path. */
export function keep(kind: Kind, target: string, bytes: Uint8Array): string {
  const dir = dirOf(kind, target)
  mkdirSync(dir, { recursive: true })
  const path = join(dir, createHash('sha256').update(bytes).digest('hex').slice(0, 16))
  writeFileSync(path, bytes)
  return path
}

export function keepInstead(target: string, corpus: readonly Uint8Array[]): void {
  rmSync(dirOf('corpus', target), { recursive: true, force: true })
  for (const bytes of corpus) keep('corpus', target, bytes)
}
