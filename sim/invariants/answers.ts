/** What whoever asks may rely on, and what asking may cost the mesh. */

import type { History, RequestEntry } from '../history.ts'
import { at, type Invariant } from './invariant.ts'

/**
 * The echo engine says what it was asked, so the question is the oracle. What a
 * hostile peer answers is its own affair: that is why an answer names its peer.
 */
export const answersAreTrue: Invariant = {
  id: 'S3',
  promise:
    'What comes of an answer is a prefix of the right one, in order and without gaps; it ends once, and as done only when complete.',
  *broken(history) {
    for (const [id, entries] of history.requests()) {
      if (answeredBy(history, entries) === 'hostile') continue
      for (const wrong of wrongIn(entries)) yield `Request ${id} ${wrong}`
    }
  }
}

function* wrongIn(entries: readonly RequestEntry[]): Generator<string> {
  const asked = entries[0]
  if (asked?.type !== 'asked') return
  let text = ''
  let chunks = 0
  let done = false
  let ended = false
  for (const entry of entries.slice(1)) {
    if (ended) yield `went on after its end, with ${entry.type} (${at(entry.atMs)}).`
    else if (done && entry.type !== 'ended')
      yield `went on after done, with ${entry.type} (${at(entry.atMs)}).`
    if (entry.type === 'chunk') {
      if (entry.index !== chunks)
        yield `has chunk ${entry.index} as its number ${chunks} (${at(entry.atMs)}).`
      chunks++
      text += entry.text
      if (!asked.oracle.startsWith(text)) {
        yield `was answered what is no prefix of the right answer: "…${text.slice(-40)}" (${at(entry.atMs)}).`
      }
    } else if (entry.type === 'done') {
      done = true
      if (entry.index !== chunks)
        yield `is done after ${chunks} chunks and says ${entry.index} (${at(entry.atMs)}).`
      if (entry.finishReason === 'stop' && text !== asked.oracle) {
        yield `is called complete after ${text.length} of ${asked.oracle.length} characters (${at(entry.atMs)}).`
      }
    } else if (entry.type === 'ended') {
      ended = true
      if (entry.code === undefined && !done) yield `ended well and never was done (${at(entry.atMs)}).`
    }
  }
}

function answeredBy(history: History, entries: readonly RequestEntry[]): string | undefined {
  const routed = entries.findLast(entry => entry.type === 'routed')
  return routed && history.actor(routed.peerId)?.kind
}

/** As `node/routing/retry-budget.ts` documents them: ten at once, and ten a minute. */
const RETRIES_AT_ONCE = 10
const RETRY_PERIOD_MS = 6000

export const retriesAreBounded: Invariant = {
  id: 'S13',
  promise: `Each node asks again at most ${RETRIES_AT_ONCE} times at once and once in ${RETRY_PERIOD_MS / 1000} s.`,
  *broken(history) {
    for (const [asker, timesMs] of retriesOf(history)) {
      for (let first = 0; first < timesMs.length; first++) {
        for (let last = first + RETRIES_AT_ONCE; last < timesMs.length; last++) {
          const spanMs = timesMs[last]! - timesMs[first]!
          const retries = last - first + 1
          // Tokens are counted in fractions, so one may have been nearly earned when the span begins.
          if (retries <= RETRIES_AT_ONCE + spanMs / RETRY_PERIOD_MS + 1) continue
          yield `${asker} asked again ${retries} times in ${Math.round(spanMs)} ms until ${at(timesMs[last]!)}.`
          return
        }
      }
    }
  }
}

/** When each asker asked another peer, or one peer again, for the same request. */
function retriesOf(history: History): Map<string, number[]> {
  const retries = new Map<string, number[]>()
  for (const entries of history.requests().values()) {
    const asked = entries[0]
    if (asked?.type !== 'asked') continue
    const again = entries.filter(({ type }) => type === 'routed').slice(1)
    retries.set(asked.asker, [...(retries.get(asked.asker) ?? []), ...again.map(({ atMs }) => atMs)])
  }
  for (const timesMs of retries.values()) timesMs.sort((a, b) => a - b)
  return retries
}

export const nothingIsStuck: Invariant = {
  id: 'L3',
  promise: 'In the end every request has ended, and no node has a slot taken or a request waiting.',
  *broken(history) {
    for (const [id, entries] of history.requests()) {
      if (entries.at(-1)?.type !== 'ended') yield `Request ${id} never ended.`
    }
    // Who does not run any more has taken its slots along.
    for (const { name } of history.running()) {
      const last = history.of('view').findLast(({ node }) => node === name)
      if (last === undefined) continue
      const { own, running, queued } = last.view.requests
      if (own + running + queued > 0) {
        yield `${name} has ${running} requests running, ${queued} waiting and ${own} of its own (${at(last.atMs)}).`
      }
    }
  }
}
