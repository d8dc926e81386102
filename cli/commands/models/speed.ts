/** How fast a model answers: this node's own requests lately, else what its devices say of themselves. */

import { milliseconds } from '../../quantities.ts'

interface Speed {
  readonly first_chunk_ms: number
  readonly tokens_per_second?: number | null
}

interface Provider {
  readonly first_chunk_ms: number | null
  readonly tokens_per_second: number | null
  readonly stated?: Speed | null
}

/** Of the device that begins to answer soonest, of those that were measured here if any was. */
export function speedOf(providers: readonly Provider[]): string {
  const measured = providers.flatMap(({ first_chunk_ms, tokens_per_second }) =>
    first_chunk_ms === null ? [] : { first_chunk_ms, tokens_per_second }
  )
  if (measured.length > 0) return textOf(measured)
  const stated = providers.flatMap(({ stated }) => stated ?? [])
  return stated.length > 0 ? `${textOf(stated)} (stated)` : '-'
}

function textOf(speeds: readonly Speed[]): string {
  const { first_chunk_ms, tokens_per_second } = speeds.reduce((best, one) =>
    one.first_chunk_ms < best.first_chunk_ms ? one : best
  )
  const first = `first chunk ${milliseconds(first_chunk_ms)}`
  return tokens_per_second == null ? first : `${tokens_per_second.toFixed(1)} tokens/s, ${first}`
}
