/** What must come back once nothing is wrong any more. */

import type { EntryOf, History } from '../history.ts'
import { agreedAt, removedUntil } from './agreement.ts'
import { at, type Invariant } from './invariant.ts'

export const allAgree: Invariant = {
  id: 'L1',
  promise: 'Within the time that was given, all who run agree on members, revocations, and who offers what.',
  *broken(history) {
    for (const { atMs, withinMs } of history.of('healed')) {
      const agreed = agreedAt(history, atMs, atMs + withinMs)
      if (typeof agreed === 'string') yield `No agreement within ${withinMs} ms of ${at(atMs)}; ${agreed}`
    }
  }
}

export const allAnswer: Invariant = {
  id: 'L4',
  promise: 'After any fault every node that was started again is ready, and each that runs is answered.',
  *broken(history) {
    for (const { fault, atMs } of history.of('fault')) {
      if (fault.kind !== 'restart') continue
      const name = `node-${fault.node}`
      const ready = history
        .of('life')
        .some(life => life.node === name && life.change === 'ready' && life.atMs >= atMs)
      if (!ready) yield `${name} was started again at ${at(atMs)}, and never was ready.`
    }
    for (const heal of history.of('healed')) {
      const removed = removedUntil(history, history.endMs)
      for (const { name, peerId } of history.running(heal.atMs)) {
        if (!removed.has(peerId) && !isAnswered(history, name, heal)) {
          yield `${name} was not answered within ${heal.withinMs} ms of ${at(heal.atMs)}.`
        }
      }
    }
  }
}

function isAnswered(history: History, asker: string, { atMs, withinMs }: EntryOf<'healed'>): boolean {
  for (const [asked, ...rest] of history.requests().values()) {
    if (asked?.type !== 'asked' || asked.asker !== asker || asked.atMs < atMs) continue
    const end = rest.at(-1)
    if (end?.type === 'ended' && end.code === undefined && end.atMs <= atMs + withinMs) return true
  }
  return false
}
