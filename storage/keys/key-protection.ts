/**
 * Puts all keys of a home under a passphrase, takes them out, or changes it.
 *
 * Each file is replaced whole or not at all. A process that is killed between
 * two files leaves a home whose keys differ; the same call again finishes it,
 * so a file that is as it shall be already is left alone.
 */

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LumosError } from '../../interface/errors.ts'
import { writeFileDurably } from '../database/durable-file.ts'
import { isWrapped, unwrap, wrap } from './key-wrap.ts'
import { keyLocked, parseKey } from './keychain.ts'
import { checkNewPassphrase } from './passphrase.ts'

export interface Passphrases {
  /** Opens keys that are protected. */
  readonly present?: string
  /** What they shall be under; none to have them readable without. */
  readonly next?: string
}

/** The keys of a home, by name of their files. */
const keyNames = (home: string): string[] => filesIn(home, '.key')

/**
 * Needs the lock of the home.
 *
 * @returns the names of the files that were changed.
 * @throws {LumosError} `KEY_LOCKED` when one opens with neither passphrase, `STORE_DAMAGED`,
 *   `STORE_FULL`, or `INVALID_INPUT` when `next` is too short. All are read before one is written.
 */
export async function protectKeys(home: string, passphrases: Passphrases): Promise<string[]> {
  const { next } = passphrases
  if (next !== undefined) checkNewPassphrase(next)
  // Drafts that a killed process left could hold a key that nothing protects.
  for (const name of filesIn(home, '.key.tmp')) rmSync(join(home, name))

  const read = keyNames(home).map(async name => ({
    name,
    content: await changedContent(join(home, name), passphrases)
  }))
  const changes = (await Promise.all(read)).filter(({ content }) => content !== undefined)
  for (const { name, content } of changes) writeFileDurably(join(home, name), content!)
  return changes.map(({ name }) => name)
}

/** What the file shall hold, or undefined when it does already. */
async function changedContent(path: string, { present, next }: Passphrases): Promise<Uint8Array | undefined> {
  const bytes = readFileSync(path)
  const protectedNow = isWrapped(bytes)
  if (!protectedNow && next === undefined) return undefined

  let plain: Uint8Array | undefined = protectedNow ? undefined : bytes
  if (protectedNow && present !== undefined) plain = await unwrap(bytes, present, path)
  if (plain === undefined && next !== undefined && (await unwrap(bytes, next, path)) !== undefined) {
    return undefined
  }
  if (plain === undefined) throw keyLocked(path, 'wrong')
  // What cannot be read must be noticed while it can still be looked at.
  await parseKey(path, plain)
  return next === undefined ? plain : wrap(plain, next)
}

function filesIn(home: string, ending: string): string[] {
  const names = existsSync(home) ? readdirSync(home) : []
  return names.filter(name => name.endsWith(ending)).sort()
}

/** @throws {LumosError} when there is nothing to protect. */
export function checkKeys(home: string): void {
  if (keyNames(home).length > 0) return
  throw new LumosError('INVALID_INPUT', `There is no key in ${home}.`, {
    hint: 'Start the node once; with keys.passphraseFile set, its keys are protected from the beginning.'
  })
}
