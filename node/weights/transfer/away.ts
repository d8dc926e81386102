import { type LumosError, TimeoutError } from '../../../interface/errors.ts'

/** Why a fetch ends that waited for its holders. */
export function awayTooLong(waitMs: number, missing: readonly string[]): LumosError {
  const why = missing.length === 0 ? 'No device has what is missing' : `Away: ${missing.join(', ')}`
  return new TimeoutError(`No byte came within ${waitMs} ms. ${why}.`, { details: { missing } })
}
