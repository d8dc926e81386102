/** A batch over devices of different speeds, on virtual time: the core, and what carries its effects out. */

import { stepBatch } from '../../../node/batch/batch-core.ts'
import { type BatchEffect, type BatchEvent, newBatch, type Result } from '../../../node/batch/batch-state.ts'
import { seededRandom } from '../../../sim/random.ts'

export interface WorldDevice {
  readonly peer: string
  /** Time of one item, of which it does one at a time. */
  readonly ms: number
  readonly fromMs?: number
  readonly untilMs?: number
  /** Never answers; fails with what it is asked; or answers something else. */
  readonly does?: 'nothing' | 'fail' | 'lie'
}

export interface World {
  readonly items: number
  readonly devices: readonly WorldDevice[]
  readonly samples?: number
  readonly seed?: number
  readonly poison?: ReadonlySet<number>
  readonly bytes?: (index: number) => number
  readonly writeMs?: number
}

interface Busy {
  freeAtMs: number
  readonly timers: Map<number, number>
}

/** Runs until the end; `asked` is how often each item was given to a device. */
export function runBatch({
  items,
  devices,
  samples = 0,
  seed = 1,
  poison = new Set(),
  bytes,
  writeMs = 0
}: World) {
  const random = seededRandom(seed)
  const state = newBatch({ total: items, samples, agrees: (one, other) => one === other })
  const written: { index: number; result: Result; atMs: number }[] = []
  const asked = new Map<number, number>()
  const distrusted: string[] = []
  const busy = new Map<string, Busy>(devices.map(({ peer }) => [peer, { freeAtMs: 0, timers: new Map() }]))
  const queue: { atMs: number; order: number; event: () => BatchEvent | undefined }[] = []
  let order = 0
  let bytesMost = 0
  let end: 'end' | 'strand' | undefined

  const at = (atMs: number, event: () => BatchEvent | undefined) => {
    const entry = { atMs, order: order++, event }
    let low = 0
    let high = queue.length
    while (low < high) {
      const mid = (low + high) >> 1
      const other = queue[mid]!
      if (other.atMs > atMs) high = mid
      else low = mid + 1
    }
    queue.splice(low, 0, entry)
  }
  const isHere = ({ fromMs = 0, untilMs = Number.POSITIVE_INFINITY }: WorldDevice, nowMs: number) =>
    fromMs <= nowMs && nowMs < untilMs
  const offers = (nowMs: number): BatchEvent => ({
    type: 'offers',
    peers: devices.filter(device => isHere(device, nowMs)).map(({ peer }) => peer)
  })

  function ask(attempt: number, index: number, peer: string, nowMs: number): void {
    asked.set(index, (asked.get(index) ?? 0) + 1)
    const device = devices.find(one => one.peer === peer)!
    const { untilMs = Number.POSITIVE_INFINITY } = device
    const own = busy.get(peer)!
    const doneMs = Math.max(nowMs, own.freeAtMs) + device.ms
    const failed = (blame: 'item' | 'lost', code: string) => (): BatchEvent => ({
      ...{ type: 'failed', attempt, blame },
      failure: { code, message: code }
    })
    if (device.does === 'nothing' && untilMs === Number.POSITIVE_INFINITY) return
    if (doneMs >= untilMs || device.does === 'nothing') {
      at(Math.max(untilMs, nowMs), failed('lost', 'PEER_UNREACHABLE'))
      return
    }
    own.freeAtMs = doneMs
    own.timers.set(attempt, doneMs)
    if (poison.has(index) || device.does === 'fail') at(doneMs, failed('item', 'ENGINE_FAILED'))
    else {
      const output = device.does === 'lie' ? `lie of ${peer}` : index
      at(doneMs, () => ({ type: 'answered', attempt, output, bytes: 10 }))
    }
  }

  function carryOut(effects: readonly BatchEffect[], nowMs: number): void {
    for (const effect of effects) {
      if (effect.type === 'read') {
        const size = bytes?.(effect.index) ?? 10
        at(nowMs, () => ({ type: 'read', bytes: size }))
      } else if (effect.type === 'ask') ask(effect.attempt, effect.index, effect.peer, nowMs)
      else if (effect.type === 'write') {
        written.push({ index: effect.index, result: effect.result, atMs: nowMs })
        const size = effect.bytes
        at(nowMs + writeMs, () => ({ type: 'written', bytes: size }))
      } else if (effect.type === 'distrust') distrusted.push(effect.peer)
      else if (effect.type === 'end' || effect.type === 'strand') end = effect.type
    }
  }

  function tick(nowMs: number): void {
    at(nowMs, () => offers(nowMs))
    if (end === undefined)
      at(nowMs + 250, () => {
        tick(nowMs + 250)
        return undefined
      })
  }

  tick(0)
  let nowMs = 0
  while (end === undefined && queue.length > 0) {
    const next = queue.shift()!
    nowMs = next.atMs
    const event = next.event()
    if (event === undefined) continue
    carryOut(stepBatch(state, event, nowMs, random).effects, nowMs)
    bytesMost = Math.max(bytesMost, state.bytes)
  }
  return { written, asked, distrusted, end, endMs: nowMs, bytesMost, state }
}
