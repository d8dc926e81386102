/**
 * When a node yields to the person at the device: once other programs have wanted the device for a while, until they
 * have left it for longer. As a deterministic core.
 */

import type { YieldReason } from '../../interface/status.ts'

/** What is read of the device; each is absent where it cannot be known. */
export interface Wanted {
  readonly cpu?: number
  readonly memory?: number
  readonly batteryLow?: boolean
}

interface Bounds {
  /** It is wanted from this on, */
  readonly high: number
  /** and left alone below this. Between them it stays as it was. */
  readonly low: number
  /** So long it must be wanted first: a program that starts is no reason, */
  readonly highMs: number
  /** and so long it must be left alone first: a person pauses. */
  readonly lowMs: number
}

const BOUNDS: Readonly<Record<YieldReason, Bounds>> = {
  cpu: { high: 0.6, low: 0.3, highMs: 4000, lowMs: 30_000 },
  memory: { high: 0.1, low: 0.02, highMs: 4000, lowMs: 30_000 },
  battery: { high: 1, low: 1, highMs: 0, lowMs: 0 }
}
const REASONS = Object.keys(BOUNDS) as YieldReason[]

interface Held {
  yields: boolean
  /** Since when what is read speaks for the other state. */
  sinceMs: number | undefined
}

export type YieldingState = Record<YieldReason, Held>

export const newYielding = (): YieldingState => ({
  cpu: { yields: false, sinceMs: undefined },
  memory: { yields: false, sinceMs: undefined },
  battery: { yields: false, sinceMs: undefined }
})

/** Changes `state` in place. @returns why the node yields now; nothing where it does not. */
export function stepYielding(state: YieldingState, wanted: Wanted, nowMs: number): YieldReason[] {
  const read: Record<YieldReason, number> = {
    cpu: wanted.cpu ?? 0,
    memory: wanted.memory ?? 0,
    battery: Number(wanted.batteryLow ?? false)
  }
  for (const reason of REASONS) {
    const { high, low, highMs, lowMs } = BOUNDS[reason]
    const held = state[reason]
    const speaksForOther = held.yields ? read[reason] < low : read[reason] >= high
    if (!speaksForOther) held.sinceMs = undefined
    else {
      held.sinceMs ??= nowMs
      if (nowMs - held.sinceMs >= (held.yields ? lowMs : highMs)) {
        held.yields = !held.yields
        held.sinceMs = undefined
      }
    }
  }
  return REASONS.filter(reason => state[reason].yields)
}

/**
 * Whether a request of another device is refused for these reasons. What only costs processor time runs below the
 * programs of the user, so it is refused where another device can do it.
 */
export const refusesOthers = (reasons: readonly YieldReason[], isDoneElsewhere: () => boolean): boolean =>
  reasons.some(reason => reason !== 'cpu') || (reasons.length > 0 && isDoneElsewhere())
