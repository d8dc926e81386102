/** Which setting a misspelt key was probably meant to be. */

import { closestNames } from '../../interface/suggest.ts'
import type { KnownSettings } from './config-schema.ts'

/** `; did you mean "…"?` when a known key is close, else nothing. */
export function suggestionFor(key: string, { byKey, sections }: KnownSettings): string {
  const [closest] = closestNames(key, [...byKey.keys(), ...sections])
  return closest === undefined ? '' : `; did you mean "${closest}"?`
}
