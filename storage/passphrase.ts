/** The passphrase over a node's keys: what it may be, and how it is read from a file. */

import { readFileSync } from 'node:fs'
import { LumosError } from '../interface/errors.ts'

/** Fewer are guessed in hours, however long each guess takes. */
const PASSPHRASE_CHARS_MIN = 8
/** A sentence, or a random key as text; bounds what a wrong path can make us read. */
const PASSPHRASE_CHARS_MAX = 1024

/**
 * What stands in the file at `path` (or file descriptor), without the end of its line.
 *
 * @throws {LumosError} `CONFIG_INVALID` when it cannot be read or holds no passphrase.
 */
export function readPassphrase(path: string | number): string {
  const shown = typeof path === 'number' ? 'Standard input' : path
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (err) {
    throw new LumosError('CONFIG_INVALID', `${shown} cannot be read: ${(err as Error).message}.`, {
      cause: err,
      hint: 'It should hold the passphrase over the keys of this node, on one line.'
    })
  }
  const passphrase = text.replace(/\r?\n$/, '')
  if (passphrase === '' || passphrase.length > PASSPHRASE_CHARS_MAX || /[\r\n]/.test(passphrase)) {
    throw new LumosError('CONFIG_INVALID', `${shown} does not hold a passphrase on one line.`)
  }
  return passphrase
}

/** Asked of new ones only: what protects a key already is always tried. */
export function checkNewPassphrase(passphrase: string): void {
  if (passphrase.length >= PASSPHRASE_CHARS_MIN && passphrase.length <= PASSPHRASE_CHARS_MAX) return
  throw new LumosError('INVALID_INPUT', `A passphrase has at least ${PASSPHRASE_CHARS_MIN} characters.`, {
    hint: 'Four or five random words are a good one.'
  })
}
