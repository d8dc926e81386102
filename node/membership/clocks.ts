/** Members whose clock and that of this device disagree, by when their manifests say that they were issued. Pure. */

import type { Manifest } from '../../interface/manifest.ts'
import { CLOCK_SKEW_NOTED_MS } from './chain.ts'

export interface ClockApart {
  readonly name: string
  /** What its clock is ahead of this one; negative where it is behind. */
  readonly apartMs: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** A person reads no more. */
const NAMED_MAX = 3

/** @param living the manifest of a peer, while it lives. */
export function clocksApart(
  others: readonly { readonly peerId: string; readonly name: string }[],
  living: (peerId: string) => Pick<Manifest, 'issuedAtMs' | 'ttlMs'> | undefined,
  wallMs: number
): ClockApart[] {
  return others.flatMap(({ peerId, name }) => {
    const { issuedAtMs = wallMs, ttlMs = 0 } = living(peerId) ?? {}
    const apartMs = issuedAtMs - wallMs
    // One that lives may have been issued a whole life ago.
    const isApart = apartMs > CLOCK_SKEW_NOTED_MS || apartMs < -CLOCK_SKEW_NOTED_MS - ttlMs
    return isApart ? [{ name, apartMs }] : []
  })
}

/** One sentence about those that are furthest to one side; undefined where there are none. */
export function clockWords(clocks: readonly ClockApart[]): string | undefined {
  const far = clocks.toSorted((a, b) => Math.abs(b.apartMs) - Math.abs(a.apartMs))
  const [first] = far
  if (first === undefined) return undefined
  const isBehind = first.apartMs > 0
  const names = far.filter(({ apartMs }) => apartMs > 0 === isBehind).map(({ name }) => name)
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : ''
  return `By the clock of ${names.slice(0, NAMED_MAX).join(', ')}${more}, that of this device is about ${spanOf(Math.abs(first.apartMs))} ${isBehind ? 'behind' : 'ahead'}. Set the one that is wrong, or turn on NTP`
}

function spanOf(ms: number): string {
  if (ms >= 2 * DAY_MS) return `${Math.round(ms / DAY_MS)} days`
  return ms >= 2 * HOUR_MS ? `${Math.round(ms / HOUR_MS)} hours` : `${Math.round(ms / MINUTE_MS)} minutes`
}
