/** The passphrase over a node's keys: what it may be, and how it is read from a file. */

import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { decodeText } from '../../interface/decode-text.ts'
import { LumosError } from '../../interface/errors.ts'

/** Fewer are guessed in hours, however long each guess takes. */
const PASSPHRASE_CHARS_MIN = 8
/** A sentence, or a random key as text; bounds what a wrong path can make us read. */
const PASSPHRASE_CHARS_MAX = 1024

/**
 * What stands in the file at `path` (or file descriptor), without the end of its line.
 *
 * @throws {LumosError} `CONFIG_INVALID` when it cannot be read, holds no passphrase, or everybody may read it.
 */
export function readPassphrase(path: string | number): string {
  const shown = typeof path === 'number' ? 'Standard input' : path
  let text: string
  try {
    // A mark at its beginning, as editors of Windows write it, is no letter that a person would type.
    text = decodeText(typeof path === 'number' ? readFileSync(path) : readPrivate(path))
  } catch (err) {
    if (err instanceof LumosError && err.code === 'CONFIG_INVALID') throw err
    throw new LumosError(
      'CONFIG_INVALID',
      `${shown} cannot be read: ${(err as Error).message.replace(/\.$/, '')}.`,
      {
        cause: err,
        hint: 'It should hold the passphrase over the keys of this node, on one line.'
      }
    )
  }
  const passphrase = text.replace(/\r?\n$/, '')
  if (passphrase === '' || passphrase.length > PASSPHRASE_CHARS_MAX || /[\r\n]/.test(passphrase)) {
    throw new LumosError('CONFIG_INVALID', `${shown} does not hold a passphrase on one line.`)
  }
  return passphrase
}

/** Bits of a mode by which anybody on this device may read or change a file. */
const MODE_OTHERS = 0o007

/**
 * A passphrase that all may read protects nothing, as ssh says of its keys. The group is not asked about: service
 * managers hand a secret to a service by it. What is no file, such as a pipe, has no mode that means anything.
 */
function readPrivate(path: string): Buffer {
  const fd = openSync(path, 'r')
  try {
    const stat = fstatSync(fd)
    if (process.platform !== 'win32' && stat.isFile() && (stat.mode & MODE_OTHERS) !== 0) {
      throw new LumosError(
        'CONFIG_INVALID',
        `Others on this device can read or change ${path}, so it is not used.`,
        {
          hint: `Keep it to yourself: chmod 600 ${path}`
        }
      )
    }
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Asked of new ones only: what protects a key already is always tried. */
export function checkNewPassphrase(passphrase: string): void {
  if (passphrase.length >= PASSPHRASE_CHARS_MIN && passphrase.length <= PASSPHRASE_CHARS_MAX) return
  throw new LumosError('INVALID_INPUT', `A passphrase has at least ${PASSPHRASE_CHARS_MIN} characters.`, {
    hint: 'Four or five random words are a good one.'
  })
}
