/** How files lie in a home: a number in its file `format`, which is written last. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LumosError } from '../../interface/errors.ts'
import { storeDamaged } from '../database/failure.ts'

/** Grows when a file moves or is renamed; tables have versions of their own. */
export const FORMAT = 1

/**
 * Whether the home was completely made before. Reads only.
 *
 * @throws {LumosError} `HOME_NEWER`, `STORE_DAMAGED`
 */
export function checkFormat(home: string): boolean {
  const path = join(home, 'format')
  if (!existsSync(path)) return false

  const text = readFileSync(path, 'utf8').trim()
  if (!/^\d{1,9}$/.test(text)) {
    throw storeDamaged(
      path,
      'it holds no version number',
      `Write "${FORMAT}" into it if this home was in use before.`
    )
  }
  if (Number(text) > FORMAT) {
    throw new LumosError('HOME_NEWER', `${home} was written by a newer version of lumos-node.`, {
      hint: 'Install that version, or use another home (--home). Nothing was changed.',
      details: { found: Number(text), supported: FORMAT }
    })
  }
  return true
}
