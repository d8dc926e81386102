/** Refusals of updates, in one form. */

import { LumosError } from '../../../interface/errors.ts'

/** @param what goes on after "An update of memory": `ends too early`. */
export const invalid = (what: string, cause?: unknown): LumosError =>
  new LumosError('MEMORY_INVALID', `An update of memory ${what}.`, { cause })

export const poison = (cause: unknown): LumosError =>
  new LumosError(
    'MEMORY_POISON',
    `An update of memory failed while it was applied: ${(cause as Error).message}`,
    {
      cause
    }
  )

/** It refers to what is not here: `details.waits` says that the same update may be valid later. */
export const waits = (): LumosError =>
  new LumosError('MEMORY_INVALID', 'An update of memory refers to what has not come.', {
    details: { waits: true }
  })
