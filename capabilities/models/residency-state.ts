/** What the residency core remembers of each model, hears and answers. */

/** A busy time counts a fifth in the average: the last few say how long answers take now. */
const BUSY_WEIGHT = 0.2
/** A process that took this much more than after its load, and half as much again, leaks, or caches what is not used. */
const GROWN_BYTES = 256 * 1024 * 1024
const GROWN_FACTOR = 1.5

export type Phase = 'cold' | 'loading' | 'ready' | 'draining'

/** `evicted`: for another model. `grown`: its process took much more memory than after its load. `asked`: by its owner. */
export type UnloadReason = 'evicted' | 'idle' | 'grown' | 'asked'

/** A model, whether or not it is loaded. */
export interface Resident {
  readonly key: number
  readonly pinned: boolean
  readonly keepAliveMs: number
  /** What its last request asked instead. */
  askedKeepMs: number | undefined
  phase: Phase
  /** What it takes now; while it is cold, what it took last, or is expected to take. */
  bytes: number
  /** What it took right after it was loaded. */
  loadedBytes: number
  loadMs: number
  /** Requests that hold it. */
  leases: number
  /** Its owner asked to unload it, and it was busy. */
  unwanted: boolean
  idleSinceMs: number
  busySinceMs: number
  /** Smoothed length of its busy times; absent until the first one has ended. */
  busyMs: number | undefined
}

export interface ResidencyState {
  readonly budgetBytes: number
  readonly models: Map<number, Resident>
  /** Models that are wanted and have no room yet, with the time since when; first come first. */
  readonly waiting: Map<number, number>
  /** When the core will be woken. */
  wakeMs: number
}

export type ResidencyEvent =
  | {
      readonly type: 'add'
      readonly key: number
      /** What it took when it was last loaded, or is expected to take. */
      readonly bytes: number
      readonly pinned: boolean
      readonly keepAliveMs: number
    }
  /** It has left, and its engine has closed. */
  | { readonly type: 'remove'; readonly key: number }
  /** A request holds it from now on, until `end`. */
  | { readonly type: 'begin'; readonly key: number; readonly keepAliveMs?: number | undefined }
  | { readonly type: 'end'; readonly key: number }
  /** It is to be loaded: `load` or `refuse` follows, at once or later. */
  | { readonly type: 'want'; readonly key: number }
  | { readonly type: 'loaded'; readonly key: number; readonly bytes: number; readonly loadMs: number }
  /** What its process takes now. */
  | { readonly type: 'measured'; readonly key: number; readonly bytes: number }
  /** Its process has ended, or never came up. */
  | { readonly type: 'unloaded'; readonly key: number }
  /** Its owner wants it unloaded once it is idle. */
  | { readonly type: 'unload'; readonly key: number }
  | { readonly type: 'timer' }

export type ResidencyEffect =
  | { readonly type: 'load'; readonly key: number }
  | { readonly type: 'refuse'; readonly key: number; readonly needBytes: number }
  | { readonly type: 'unload'; readonly key: number; readonly reason: UnloadReason }
  | { readonly type: 'timer'; readonly delayMs: number }

export const newResident = (
  { key, bytes, pinned, keepAliveMs }: Extract<ResidencyEvent, { type: 'add' }>,
  nowMs: number
): Resident => ({
  ...{ key, bytes, pinned, keepAliveMs },
  askedKeepMs: undefined,
  phase: 'cold',
  loadedBytes: bytes,
  loadMs: 0,
  leases: 0,
  unwanted: false,
  idleSinceMs: nowMs,
  busySinceMs: nowMs,
  busyMs: undefined
})

/** Unloading it would free memory, and end nothing. */
export const isUnloadable = ({ phase, leases, pinned, bytes }: Resident): boolean =>
  phase === 'ready' && leases === 0 && !pinned && bytes > 0

export const hasGrown = ({ bytes, loadedBytes }: Resident): boolean =>
  bytes > loadedBytes * GROWN_FACTOR && bytes > loadedBytes + GROWN_BYTES

export function busyBegins(model: Resident, nowMs: number): void {
  model.busySinceMs = nowMs
}

export function busyEnds(model: Resident, nowMs: number): void {
  const ms = nowMs - model.busySinceMs
  model.busyMs = model.busyMs === undefined ? ms : model.busyMs + (ms - model.busyMs) * BUSY_WEIGHT
  model.idleSinceMs = nowMs
}

/** Whether it is busy, and idle within `withinMs` if this time is like those before. Of one that is late, nothing is known. */
export function endsSoon(
  { phase, leases, pinned, busyMs, busySinceMs }: Resident,
  nowMs: number,
  withinMs: number
): boolean {
  if (phase !== 'ready' || leases === 0 || pinned || busyMs === undefined) return false
  const elapsedMs = nowMs - busySinceMs
  return elapsedMs <= 2 * busyMs && busyMs - elapsedMs <= withinMs
}
