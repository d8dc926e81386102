/** What goes wrong with weights on a disk, in this project's words. */

import { LumosError } from '../../interface/errors.ts'
import { storeFailure } from '../database/failure.ts'

const GB = 1e9
const ROOM_HINT =
  'Free some space, such as with: lumos-node models gc. What has come is kept, and goes on from there.'

export const sizeText = (bytes: number): string => `${(bytes / GB).toFixed(bytes < GB ? 3 : 1)} GB`

export const invalidWeights = (message: string, cause?: unknown): LumosError =>
  new LumosError('WEIGHTS_INVALID', message, { cause })

/** There is no room for what is still to come. */
export function noRoom(wantedBytes: number, freeBytes: number, where: string): LumosError {
  return new LumosError(
    'WEIGHTS_FULL',
    `The weights need ${sizeText(wantedBytes)} more, and ${where} has room for ${sizeText(Math.max(0, freeBytes))}.`,
    { hint: ROOM_HINT, details: { wantedBytes, freeBytes } }
  )
}

/** What the file system threw. */
export function weightsFailure(thrown: unknown, path: string): unknown {
  const { code } = thrown as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new LumosError('WEIGHTS_FULL', `The disk that holds ${path} is full.`, {
      cause: thrown as Error,
      hint: ROOM_HINT
    })
  }
  return storeFailure(thrown, path)
}
