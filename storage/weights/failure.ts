/** What goes wrong with weights on a disk, in this project's words. */

import { LumosError } from '../../interface/errors.ts'
import { storeFailure } from '../database/failure.ts'

const UNITS = [
  [1e9, 'GB'],
  [1e6, 'MB']
] as const
const ROOM_HINT =
  'Free some space, such as with: lumos-node models gc. What has come is kept, and goes on from there.'

const sizeText = (bytes: number): string => {
  const [size, unit] = UNITS.find(([size]) => bytes >= size) ?? [1, 'bytes']
  return `${size === 1 ? bytes : (bytes / size).toFixed(1)} ${unit}`
}

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
