/** A configuration as a person names it. */

import { stat } from 'node:fs/promises'
import { decodeText } from '../../../interface/decode-text.ts'
import { InvalidInputError } from '../../../interface/errors.ts'
import { readBytes } from '../../input.ts'

/** A hundred services with their models take a tenth of it. */
const FILE_BYTES_MAX = 1024 * 1024

export async function textOf(file: string): Promise<string> {
  const size = await stat(file).then(
    stats => stats.size,
    () => 0
  )
  if (size > FILE_BYTES_MAX)
    throw new InvalidInputError(`${file} has ${size} bytes; the limit is ${FILE_BYTES_MAX}.`)
  return decodeText(await readBytes(`@${file}`))
}
