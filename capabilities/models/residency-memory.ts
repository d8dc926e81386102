/** How much memory models take, and which of the idle ones go first. */

import { isUnloadable, type ResidencyState, type Resident } from './residency-state.ts'

/** Of all models that are loaded, or on their way in or out. */
export function usedBytes({ models }: ResidencyState): number {
  let bytes = 0
  for (const model of models.values()) if (model.phase !== 'cold') bytes += model.bytes
  return bytes
}

export function drainingBytes({ models }: ResidencyState): number {
  let bytes = 0
  for (const model of models.values()) if (model.phase === 'draining') bytes += model.bytes
  return bytes
}

/** Of those that no other model gets: models that load, are in use or pinned. */
export function heldBytes({ models }: ResidencyState): number {
  let bytes = 0
  for (const model of models.values()) {
    if (model.phase === 'loading' || (model.phase === 'ready' && !isUnloadable(model))) bytes += model.bytes
  }
  return bytes
}

/**
 * Idle models that free so much, those first that are idle for long compared with what a reload costs; undefined when
 * all together free less.
 */
export function victims(
  state: ResidencyState,
  bytes: number,
  nowMs: number,
  spared?: Resident
): readonly Resident[] | undefined {
  const chosen: Resident[] = []
  let freed = 0
  for (const model of unloadables(state, nowMs, spared)) {
    if (freed >= bytes) break
    chosen.push(model)
    freed += model.bytes
  }
  if (freed < bytes) return undefined
  // A large one that came late makes small ones unnecessary; the least deserved goes free first.
  return chosen.reverse().filter(model => {
    if (freed - model.bytes < bytes) return true
    freed -= model.bytes
    return false
  })
}

export function unloadables(state: ResidencyState, nowMs: number, spared?: Resident): Resident[] {
  return [...state.models.values()]
    .filter(model => model !== spared && isUnloadable(model))
    .sort((a, b) => staleness(b, nowMs) - staleness(a, nowMs) || a.key - b.key)
}

/** Idle time in loads: a model that takes ten seconds to load is kept ten times as long as one that takes one. */
const staleness = ({ idleSinceMs, loadMs }: Resident, nowMs: number): number =>
  (nowMs - idleSinceMs) / Math.max(1, loadMs)
