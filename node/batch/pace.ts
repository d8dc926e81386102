/**
 * How many requests a device holds at once. It is what keeps the device at work while its answers travel, and follows from
 * the times of its answers alone: where they grow, requests wait there.
 */

import type { Device } from './batch-state.ts'

/** One is worked on, and the next one waits for it. */
const DEPTH_MIN = 2
/** No engine has more slots; each request holds its input in memory here and there. */
export const DEPTH_MAX = 64
/** As in a track record: the last five answers or so count. */
const SAMPLE_WEIGHT = 0.2
/** The least time follows a device that became slower within a few hundred answers. */
const BASE_WEIGHT = 0.005
/** Requests that wait at the device: with fewer it may run dry, with more nothing is gained. */
const WAITING_MIN = 1
const WAITING_MAX = 2

/** So many failures in a row, with no other device to confirm them, are the device's. */
const FAILURES_TO_REST = 3
const REST_MS = 2000
const REST_MS_MAX = 60_000
/** What a busy device says of itself counts between these. */
const BUSY_MS_MIN = 50
const BUSY_MS_MAX = 5000

/** An answer is late after four times the usual time and a second; of a device that never answered, after ten. */
const LATE_SHARE = 4
const LATE_MS = 1000
const LATE_UNKNOWN_MS = 10_000

export const newDevice = (peer: string): Device => ({
  ...{ peer, depth: DEPTH_MIN, latencyMs: undefined, baseMs: undefined, running: 0, done: 0, failed: 0 },
  ...{ failuresInARow: 0, benches: 0, restsUntilMs: 0, here: true, differed: 0 }
})

export const isUsable = ({ here, differed }: Device): boolean => here && differed === 0

export function hasRoom(device: Device, nowMs: number): boolean {
  // A device that rested is tried with one request.
  const depth = device.failuresInARow >= FAILURES_TO_REST ? 1 : Math.floor(device.depth)
  return isUsable(device) && device.restsUntilMs <= nowMs && device.running < depth
}

export function noteAnswer(device: Device, tookMs: number): void {
  device.failuresInARow = 0
  device.benches = 0
  const before = device.latencyMs
  // No answer takes no time, and a quotient needs some.
  const latency = Math.max(before === undefined ? tookMs : before + SAMPLE_WEIGHT * (tookMs - before), 0.01)
  const base = device.baseMs ?? latency
  device.latencyMs = latency
  device.baseMs = Math.min(latency, base + BASE_WEIGHT * (latency - base))
  const waiting = device.depth * (1 - device.baseMs / latency)
  // It was full when this was answered, else its depth says nothing.
  const isFull = device.running + 1 >= Math.floor(device.depth)
  if (isFull && waiting < WAITING_MIN) device.depth = Math.min(device.depth + 2 / device.depth, DEPTH_MAX)
  else if (waiting > WAITING_MAX) device.depth = Math.max(device.depth - 1 / device.depth, DEPTH_MIN)
}

export function noteFailure(device: Device, nowMs: number): void {
  device.failuresInARow++
  if (device.failuresInARow < FAILURES_TO_REST) return
  device.restsUntilMs = nowMs + Math.min(REST_MS * 2 ** device.benches, REST_MS_MAX)
  device.benches++
}

/** Another device failed with the same item: it was the item. */
export function excuse(device: Device): void {
  device.failuresInARow = Math.max(0, device.failuresInARow - 1)
  if (device.failuresInARow >= FAILURES_TO_REST) return
  device.restsUntilMs = 0
  device.benches = 0
}

export function noteBusy(device: Device, retryAfterMs: number, nowMs: number): void {
  device.restsUntilMs = nowMs + Math.min(Math.max(retryAfterMs, BUSY_MS_MIN), BUSY_MS_MAX)
  device.depth = Math.max(device.depth / 2, 1)
}

export const isLate = ({ latencyMs }: Device, elapsedMs: number): boolean =>
  elapsedMs > (latencyMs === undefined ? LATE_UNKNOWN_MS : latencyMs * LATE_SHARE + LATE_MS)

/** How long the answer still takes, as far as can be told. One that is late takes as long again as it took. */
export function leftMs(device: Device, elapsedMs: number): number {
  const { latencyMs } = device
  return latencyMs === undefined || elapsedMs > latencyMs ? elapsedMs : latencyMs - elapsedMs
}
