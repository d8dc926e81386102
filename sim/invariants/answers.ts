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

/** As `node/routing/retry-budget.ts` documents them: a tenth of the requests of ten seconds, and at least ten. */
const RETRIES_MIN = 10
const RETRY_SHARE = 0.1
/** The node sees each request and each retry a little before the history does. */
const RETRIES_WITHIN_MS = 9900
/** The node counts by the second, so it may count the requests of one more. */
const REQUESTS_WITHIN_MS = 11_100

export const retriesAreBounded: Invariant = {
  id: 'S13',
  promise: `Within ten seconds each node asks again for at most a tenth of its requests, or ${RETRIES_MIN} times.`,
  *broken(history) {
    const requestsMs = Map.groupBy(history.of('asked'), ({ asker }) => asker)
    for (const [asker, timesMs] of retriesOf(history)) {
      const asked = (requestsMs.get(asker) ?? []).map(({ atMs }) => atMs)
      const broken = timesMs.find(nowMs => {
        const requests = within(asked, nowMs, REQUESTS_WITHIN_MS)
        return within(timesMs, nowMs, RETRIES_WITHIN_MS) > Math.max(RETRIES_MIN, RETRY_SHARE * requests)
      })
      if (broken === undefined) continue
      const retries = within(timesMs, broken, RETRIES_WITHIN_MS)
      yield `${asker} asked again ${retries} times in ${RETRIES_WITHIN_MS} ms until ${at(broken)}.`
    }
  }
}

const within = (timesMs: readonly number[], untilMs: number, spanMs: number): number =>
  timesMs.filter(atMs => atMs <= untilMs && atMs > untilMs - spanMs).length

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
