/** How fast a model answered this node's own requests lately. */

import { milliseconds } from '../../quantities.ts'

interface Measured {
  readonly first_chunk_ms: number | null
  readonly tokens_per_second: number | null
}

/** Of the device that began to answer soonest. */
export function speedOf(providers: readonly Measured[]): string {
  const [best] = providers
    .filter(({ first_chunk_ms }) => first_chunk_ms !== null)
    .sort((a, b) => a.first_chunk_ms! - b.first_chunk_ms!)
  if (best === undefined) return '-'
  const { first_chunk_ms, tokens_per_second } = best
  const first = `first chunk ${milliseconds(first_chunk_ms!)}`
  return tokens_per_second === null ? first : `${tokens_per_second.toFixed(1)} tokens/s, ${first}`
}
