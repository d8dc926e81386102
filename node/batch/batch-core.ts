/**
 * Which device answers which item of a batch, as a deterministic core.
 *
 * Each device takes the next item whenever it has room, so that fast and slow ones end together. Near the end, and where an
 * answer is late, a device that is idle takes over an item that another holds: the first answer counts. Results are
 * written in the order of the inputs, each once, and a window bounds what is held for that.
 */

import type { Random } from '../../interface/clock.ts'
import type { Stepped } from '../../interface/core.ts'
import { assign } from './assign.ts'
import type { Attempt, BatchEffect, BatchEvent, BatchState, Item, Result } from './batch-state.ts'
import { mayTry } from './may-try.ts'
import { excuse, isLate, isUsable, newDevice, noteAnswer, noteBusy, noteFailure } from './pace.ts'
import { judge } from './verdict.ts'
import { wantsMore } from './window.ts'

/** So many retries in any case, and then one for ten answers: a model that fails always costs no batch twice. */
const RETRIES_MIN = 20
const RETRIES_SHARE = 0.1
/** An item with which a device was lost so often may be why. */
const LOST_MAX = 8
/** Devices that an item fails on before that is its result. */
const FAILURES_MAX = 2
/** Long enough for a device to restart or a network to come back. */
const STRANDED_MS_MAX = 600_000

/** Changes `state` in place. An event about an attempt that is not under way changes nothing. */
export function stepBatch(
  state: BatchState,
  event: BatchEvent,
  nowMs: number,
  random: Random
): Stepped<BatchState, BatchEffect> {
  const effects: BatchEffect[] = []
  if (state.over) return { state, effects }
  state.nowMs = nowMs
  switch (event.type) {
    case 'offers':
      offered(state, event.peers, effects)
      break
    case 'read':
      read(state, event, effects, random)
      break
    case 'answered':
      answered(state, event, effects)
      break
    case 'failed':
      failed(state, event, effects)
      break
    case 'written':
      state.bytes -= event.bytes
  }
  goOn(state, effects)
  return { state, effects }
}

function goOn(state: BatchState, effects: BatchEffect[]): void {
  write(state, effects)
  if (state.head === state.total) {
    state.over = true
    for (const attempt of state.attempts.keys()) effects.push({ type: 'abort', attempt })
    effects.push({ type: 'end' })
    return
  }
  assign(state, effects)
  if (!wantsMore(state)) return
  state.reading = true
  effects.push({ type: 'read', index: state.next })
}

function offered(state: BatchState, peers: readonly string[], effects: BatchEffect[]): void {
  const { devices, again, nowMs } = state
  const here = new Set(peers)
  for (const device of devices.values()) device.here = here.has(device.peer)
  for (const peer of here) if (!devices.has(peer)) devices.set(peer, newDevice(peer))
  // A second opinion that no device can give any more is not waited for.
  for (const item of again) if (item.answers.length > 0 && !anyMay(state, item)) settle(state, item, effects)
  if ([...devices.values()].some(isUsable)) state.strandedSinceMs = undefined
  else state.strandedSinceMs ??= nowMs
  if (nowMs - (state.strandedSinceMs ?? nowMs) < STRANDED_MS_MAX) return
  state.over = true
  effects.push({ type: 'strand' })
}

function read(
  state: BatchState,
  { bytes, failure }: Extract<BatchEvent, { type: 'read' }>,
  effects: BatchEffect[],
  random: Random
): void {
  if (!state.reading) return
  state.reading = false
  const index = state.next++
  // Each of those that are left is as likely as any other, whatever their number.
  const sample = random() * (state.total - index) < state.samplesLeft
  if (sample) state.samplesLeft--
  const item: Item = {
    ...{ index, bytes, sample, running: new Set(), answers: [], failures: [] },
    ...{ lost: 0, result: undefined, resultBytes: 0 }
  }
  state.items.set(index, item)
  state.bytes += bytes
  if (failure !== undefined) decide(state, item, { peer: null, failure }, 0, effects)
  else state.fresh.add(item)
}

function answered(
  state: BatchState,
  { attempt: id, output, bytes }: Extract<BatchEvent, { type: 'answered' }>,
  effects: BatchEffect[]
): void {
  const attempt = take(state, id)
  if (attempt === undefined) return
  const { item, device, startedMs } = attempt
  noteAnswer(device, state.nowMs - startedMs)
  // What it was asked before it differed counts no more than what it would be asked now.
  if (device.differed > 0) {
    retry(state, item)
    return
  }
  state.answered++
  item.answers.push({ peer: device.peer, output, bytes })
  state.bytes += bytes
  settle(state, item, effects)
}

function failed(
  state: BatchState,
  { attempt: id, blame, failure, retryAfterMs = 0 }: Extract<BatchEvent, { type: 'failed' }>,
  effects: BatchEffect[]
): void {
  const attempt = take(state, id)
  if (attempt === undefined) return
  const { item, device } = attempt
  if (blame === 'busy') {
    noteBusy(device, retryAfterMs, state.nowMs)
    retry(state, item)
    return
  }
  noteFailure(device, state.nowMs)
  device.failed++
  const entry = { peer: device.peer, failure }
  if (blame === 'lost') item.lost++
  else item.failures.push(entry)
  if (blame === 'lost' && item.lost < LOST_MAX) retry(state, item)
  else if (item.running.size > 0) return
  else if (item.answers.length > 0) settle(state, item, effects)
  else unanswered(state, item, entry, effects)
}

/** Another device is asked, or the failure is the result. */
function unanswered(
  state: BatchState,
  item: Item,
  entry: Item['failures'][number],
  effects: BatchEffect[]
): void {
  const isPoison = item.lost >= LOST_MAX || item.failures.length >= FAILURES_MAX
  if (!isPoison && takeRetry(state)) {
    retry(state, item)
    return
  }
  if (isPoison) for (const { peer } of item.failures) excuse(state.devices.get(peer)!)
  decide(state, item, entry, 0, effects)
}

/** The attempt, which is not under way any more. */
function take(state: BatchState, id: number): Attempt | undefined {
  const attempt = state.attempts.get(id)
  if (attempt === undefined) return undefined
  state.attempts.delete(id)
  attempt.device.running--
  attempt.item.running.delete(id)
  return attempt
}

function retry({ again }: BatchState, item: Item): void {
  if (item.running.size === 0) again.add(item)
}

function takeRetry(state: BatchState): boolean {
  if (state.retries >= RETRIES_MIN + state.answered * RETRIES_SHARE) return false
  state.retries++
  return true
}

const anyMay = (state: BatchState, item: Item): boolean =>
  [...state.devices.values()].some(device => mayTry(state, item, device))

/** What the answers that have come make of the item. */
function settle(state: BatchState, item: Item, effects: BatchEffect[]): void {
  const verdict = judge(item, state.agrees)
  if (verdict === 'open' && (item.running.size > 0 || anyMay(state, item))) {
    retry(state, item)
    return
  }
  const isSure = verdict !== 'open'
  const chosen = isSure ? verdict.chosen : item.answers[0]!
  if (item.sample) state.samples[!isSure ? 'open' : item.answers.length > 2 ? 'decided' : 'agreed']++
  for (const peer of isSure ? verdict.against : []) {
    state.devices.get(peer)!.differed++
    effects.push({ type: 'distrust', peer })
  }
  for (const { bytes } of item.answers) state.bytes -= bytes
  state.devices.get(chosen.peer)!.done++
  decide(state, item, { peer: chosen.peer, output: chosen.output }, chosen.bytes, effects)
}

function decide(state: BatchState, item: Item, result: Result, bytes: number, effects: BatchEffect[]): void {
  item.result = result
  item.resultBytes = bytes
  item.answers.length = 0
  state.bytes += bytes - item.bytes
  state.again.delete(item)
  state.fresh.delete(item)
  for (const id of item.running) {
    const attempt = state.attempts.get(id)!
    state.attempts.delete(id)
    const { device, startedMs } = attempt
    device.running--
    // Another device was faster although it began later.
    if (isLate(device, state.nowMs - startedMs)) noteFailure(device, state.nowMs)
    effects.push({ type: 'abort', attempt: id })
  }
  item.running.clear()
  effects.push({ type: 'decided', index: item.index })
}

function write(state: BatchState, effects: BatchEffect[]): void {
  for (
    let item = state.items.get(state.head);
    item?.result !== undefined;
    item = state.items.get(state.head)
  ) {
    const { index, result, resultBytes: bytes } = item
    effects.push({ type: 'write', index, result, bytes })
    state.items.delete(index)
    state.head++
  }
}
