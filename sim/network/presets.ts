/**
 * Links that devices really have, from a cable to what nobody should call a
 * link, each way alike.
 *
 * `good-wifi`, `weak-4g`, `satellite` and `barely-usable` take their rate, round
 * trip (what it calls latency) and loss from the degradation ladder that iroh tests itself on
 * (`iroh/tests/patchbay/degrade.rs`); the others are set between them. Half of a
 * round trip is each way's delay. How the delay spreads and how losses come in
 * bursts is our choice: the ladder has them as bursts too, without saying how long.
 */

import { type Delay, type LinkModel, PERFECT } from './link-model.ts'

interface Figures {
  readonly megabits: number
  readonly roundTripMs: number
  readonly jitterMs: number
  readonly lossRate: number
  readonly lossBurst: number
  readonly spread?: 'normal' | 'heavy-tail'
}

/** A queue of this long at full rate is what home routers hold; more is bufferbloat, less wastes the link. */
const QUEUE_MS = 200
const QUEUE_BYTES_MIN = 16 * 1024

function link({ megabits, roundTripMs, jitterMs, lossRate, lossBurst, spread }: Figures): LinkModel {
  const ms = roundTripMs / 2
  const bytesPerSecond = (megabits * 1e6) / 8
  const delay: Delay =
    spread === undefined
      ? { distribution: 'constant', ms }
      : spread === 'normal'
        ? { distribution: 'normal', ms, deviationMs: ms / 10 }
        : { distribution: 'heavy-tail', ms, shape: 3 }
  const queueBytes = Math.max(QUEUE_BYTES_MIN, Math.round((bytesPerSecond * QUEUE_MS) / 1000))
  return { ...PERFECT, delay, jitterMs, bytesPerSecond, queueBytes, lossRate, lossBurst }
}

export const PRESETS = {
  perfect: PERFECT,
  lan: link({ megabits: 1000, roundTripMs: 0.5, jitterMs: 0, lossRate: 0, lossBurst: 1 }),
  'good-wifi': link({ megabits: 100, roundTripMs: 16, jitterMs: 2, lossRate: 0.001, lossBurst: 2 }),
  'poor-wifi': link({
    megabits: 10,
    roundTripMs: 40,
    jitterMs: 20,
    lossRate: 0.02,
    lossBurst: 4,
    spread: 'heavy-tail'
  }),
  '4g': link({
    megabits: 30,
    roundTripMs: 60,
    jitterMs: 10,
    lossRate: 0.005,
    lossBurst: 3,
    spread: 'normal'
  }),
  'weak-4g': link({
    megabits: 8,
    roundTripMs: 90,
    jitterMs: 30,
    lossRate: 0.02,
    lossBurst: 5,
    spread: 'normal'
  }),
  satellite: link({ megabits: 20, roundTripMs: 600, jitterMs: 20, lossRate: 0.01, lossBurst: 5 }),
  'barely-usable': link({
    megabits: 0.5,
    roundTripMs: 450,
    jitterMs: 100,
    lossRate: 0.12,
    lossBurst: 8,
    spread: 'heavy-tail'
  }),
  absurd: link({
    megabits: 0.1,
    roundTripMs: 2000,
    jitterMs: 500,
    lossRate: 0.3,
    lossBurst: 10,
    spread: 'heavy-tail'
  })
} as const satisfies Record<string, LinkModel>

export type PresetName = keyof typeof PRESETS
export const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]]
