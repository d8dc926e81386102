/**
 * Which models are in memory: the decision, as a deterministic core.
 *
 * All loaded models together stay within a budget. A model that is wanted takes free memory, else that of models that
 * no request uses. A leased model is never unloaded. Where no memory can be freed soon, the model is refused at once, so
 * that the router still has time to ask another peer.
 */

import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import { drainingBytes, unloadables, usedBytes, victims } from './residency-memory.ts'
import {
  busyBegins,
  busyEnds,
  endsSoon,
  hasGrown,
  isUnloadable,
  newResident,
  type ResidencyEffect,
  type ResidencyEvent,
  type ResidencyState,
  type Resident,
  type UnloadReason
} from './residency-state.ts'

/** A model waits so long for one that soon ends its answers; then there is still time to ask another peer. */
export const ROOM_WAIT_MS = 2000

export const newResidency = (budgetBytes: number): ResidencyState => ({
  budgetBytes,
  models: new Map(),
  waiting: new Map(),
  wakeMs: Number.POSITIVE_INFINITY
})

/** Changes `state` in place. An event about a model that is not there, or in a phase that it does not fit, changes nothing. */
export function stepResidency(
  state: ResidencyState,
  event: ResidencyEvent,
  nowMs: number
): Stepped<ResidencyState, ResidencyEffect> {
  const effects = effectsOf(state, event, nowMs)
  return { state, effects: effects.length === 0 ? NO_EFFECTS : effects }
}

function effectsOf(state: ResidencyState, event: ResidencyEvent, nowMs: number): readonly ResidencyEffect[] {
  if (event.type === 'timer') return wake(state, nowMs)
  if (event.type === 'add') {
    if (!state.models.has(event.key)) state.models.set(event.key, newResident(event, nowMs))
    return NO_EFFECTS
  }
  const model = state.models.get(event.key)
  if (model === undefined) return NO_EFFECTS
  switch (event.type) {
    case 'begin':
      model.askedKeepMs = event.keepAliveMs
      if (model.leases++ === 0) busyBegins(model, nowMs)
      return NO_EFFECTS
    case 'end':
      return end(state, model, nowMs)
    case 'want':
      if (model.phase !== 'cold' && model.phase !== 'draining') return NO_EFFECTS
      if (!state.waiting.has(model.key)) state.waiting.set(model.key, nowMs)
      return settle(state, nowMs)
    case 'loaded':
      return model.phase === 'loading' ? loaded(state, model, event, nowMs) : NO_EFFECTS
    case 'measured':
      if (model.phase !== 'ready') return NO_EFFECTS
      model.bytes = event.bytes
      // Processes say what they take some seconds after a request has ended.
      if (model.leases === 0 && hasGrown(model)) return [unload(model, 'grown'), ...trim(state, nowMs)]
      return trim(state, nowMs)
    case 'unloaded':
      if (model.phase === 'cold') return NO_EFFECTS
      // What a leak took is not what the model needs.
      if (hasGrown(model)) model.bytes = model.loadedBytes
      model.phase = 'cold'
      return settle(state, nowMs)
    case 'unload':
      if (model.phase === 'ready' && model.leases === 0) return [unload(model, 'asked')]
      model.unwanted = model.phase === 'ready' || model.phase === 'loading'
      return NO_EFFECTS
    case 'remove':
      state.models.delete(model.key)
      state.waiting.delete(model.key)
      return settle(state, nowMs)
  }
}

/** A request that held the model has ended. */
function end(state: ResidencyState, model: Resident, nowMs: number): readonly ResidencyEffect[] {
  if (model.leases === 0 || --model.leases > 0) return NO_EFFECTS
  busyEnds(model, nowMs)
  if (model.phase !== 'ready') return NO_EFFECTS
  const effects: ResidencyEffect[] = []
  const reason = reasonToUnload(model, nowMs)
  if (reason !== undefined) effects.push(unload(model, reason))
  effects.push(...trim(state, nowMs))
  if (model.phase === 'ready') arm(state, model.idleSinceMs + keepMs(model), nowMs, effects)
  return effects
}

/** Why an idle model is unloaded even where there is room for it. */
function reasonToUnload(model: Resident, nowMs: number): UnloadReason | undefined {
  if (model.unwanted) return 'asked'
  if (hasGrown(model)) return 'grown'
  return nowMs - model.idleSinceMs >= keepMs(model) ? 'idle' : undefined
}

/** A model that takes no memory here costs nothing to keep. */
const keepMs = ({ pinned, bytes, keepAliveMs, askedKeepMs = keepAliveMs }: Resident): number =>
  pinned || bytes === 0 ? Number.POSITIVE_INFINITY : askedKeepMs

function loaded(
  state: ResidencyState,
  model: Resident,
  { bytes, loadMs }: Extract<ResidencyEvent, { type: 'loaded' }>,
  nowMs: number
): readonly ResidencyEffect[] {
  Object.assign(model, { phase: 'ready', bytes, loadedBytes: bytes, loadMs, idleSinceMs: nowMs })
  // Before its first answer, because a leased model is not unloaded.
  const over = usedBytes(state) - state.budgetBytes
  if (over > 0 && victims(state, over - drainingBytes(state), nowMs, model) === undefined) {
    return [{ type: 'refuse', key: model.key, needBytes: bytes }, unload(model, 'evicted')]
  }
  const effects = [...trim(state, nowMs, model)]
  if (model.leases > 0) return effects
  if (model.unwanted) effects.push(unload(model, 'asked'))
  else arm(state, nowMs + keepMs(model), nowMs, effects)
  return effects
}

/** Back within the budget, as far as idle models allow; then those that wait. */
function trim(state: ResidencyState, nowMs: number, spared?: Resident): readonly ResidencyEffect[] {
  const effects: ResidencyEffect[] = []
  const over = usedBytes(state) - drainingBytes(state) - state.budgetBytes
  if (over > 0) {
    const idle = victims(state, over, nowMs, spared) ?? unloadables(state, nowMs, spared)
    for (const model of idle) effects.push(unload(model, 'evicted'))
  }
  if (state.waiting.size > 0) effects.push(...settle(state, nowMs))
  return effects.length === 0 ? NO_EFFECTS : effects
}

/** Each model that waits, first come first: loaded, left waiting for what is being unloaded or soon idle, or refused. */
function settle(state: ResidencyState, nowMs: number): readonly ResidencyEffect[] {
  if (state.waiting.size === 0) return NO_EFFECTS
  const effects: ResidencyEffect[] = []
  let freeBytes = state.budgetBytes - usedBytes(state)
  // What is freed for those that came before is not there for those behind them.
  let comingBytes = drainingBytes(state)
  for (const [key, sinceMs] of state.waiting) {
    const model = state.models.get(key)!
    const needBytes = model.bytes
    if (model.phase === 'cold' && needBytes <= freeBytes) {
      model.phase = 'loading'
      state.waiting.delete(key)
      freeBytes -= needBytes
      effects.push({ type: 'load', key })
      continue
    }
    const lackBytes = needBytes - freeBytes - comingBytes
    const freed = lackBytes <= 0 ? [] : victims(state, lackBytes, nowMs)
    if (freed === undefined) {
      if (mayWait(state, lackBytes, sinceMs, nowMs)) arm(state, sinceMs + ROOM_WAIT_MS, nowMs, effects)
      else {
        state.waiting.delete(key)
        effects.push({ type: 'refuse', key, needBytes })
      }
      continue
    }
    for (const victim of freed) {
      comingBytes += victim.bytes
      effects.push(unload(victim, 'evicted'))
    }
    comingBytes -= needBytes - freeBytes
    freeBytes = 0
  }
  return effects
}

/** Whether models that end their answers soon, with those that are idle, would free so much. */
function mayWait(state: ResidencyState, lackBytes: number, sinceMs: number, nowMs: number): boolean {
  if (nowMs - sinceMs >= ROOM_WAIT_MS) return false
  let bytes = 0
  for (const model of state.models.values()) {
    if (isUnloadable(model) || endsSoon(model, nowMs, ROOM_WAIT_MS)) bytes += model.bytes
  }
  return bytes >= lackBytes
}

function unload(model: Resident, reason: UnloadReason): ResidencyEffect {
  model.phase = 'draining'
  model.unwanted = false
  return { type: 'unload', key: model.key, reason }
}

/** Some time has passed: models that are idle for too long, and those that waited for room. */
function wake(state: ResidencyState, nowMs: number): readonly ResidencyEffect[] {
  state.wakeMs = Number.POSITIVE_INFINITY
  const effects: ResidencyEffect[] = []
  let nextMs = Number.POSITIVE_INFINITY
  for (const model of state.models.values()) {
    if (model.phase !== 'ready' || model.leases > 0) continue
    const reason = reasonToUnload(model, nowMs)
    if (reason === undefined) nextMs = Math.min(nextMs, model.idleSinceMs + keepMs(model))
    else effects.push(unload(model, reason))
  }
  effects.push(...settle(state, nowMs))
  for (const sinceMs of state.waiting.values()) {
    // One that waits longer is given what is being unloaded.
    if (sinceMs + ROOM_WAIT_MS > nowMs) nextMs = Math.min(nextMs, sinceMs + ROOM_WAIT_MS)
  }
  arm(state, nextMs, nowMs, effects)
  return effects
}

function arm(state: ResidencyState, atMs: number, nowMs: number, effects: ResidencyEffect[]): void {
  if (!Number.isFinite(atMs) || atMs >= state.wakeMs) return
  state.wakeMs = atMs
  effects.push({ type: 'timer', delayMs: Math.max(0, atMs - nowMs) })
}
