/** What is found among the offers, and where there is none, once more after devices were looked for. */

import { NoProviderError } from '../../interface/errors.ts'
import type { Wanted } from './provider-view.ts'

/** Whether a device came that was looked for where no manifest names one. */
export type Seek = (wanted: Wanted, signal?: AbortSignal) => Promise<boolean>

/** @param found throws {@link NoProviderError} where there is none. */
export async function sought<T>(
  wanted: Wanted,
  found: () => T,
  seek: Seek | undefined,
  signal: AbortSignal | undefined
): Promise<T> {
  try {
    return found()
  } catch (thrown) {
    if (!(thrown instanceof NoProviderError) || !(await seek?.(wanted, signal))) throw thrown
    return found()
  }
}
