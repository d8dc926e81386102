/** What routing adds to a call, and what ordering many candidates takes. Nothing is sent: peers here answer at once. */

import { systemClock } from '../interface/clock.ts'
import type { Inference, PreparedRequest } from '../interface/inference.ts'
import { askingBy } from '../node/routing/asking.ts'
import { rank } from '../node/routing/policies.ts'
import type { Candidate, RankedCandidate } from '../node/routing/rank.ts'
import { Router } from '../node/routing/router.ts'
import { type Bench, take } from './harness.ts'
import { medianOf } from './statistics.ts'
import { tableOf } from './table.ts'

const ROUNDS = 15
const CALLS = { thorough: 2000, quick: 50 }
const CANDIDATES = { router: 50, order: 1000 }
const ADDED_MS_MAX = 0.2
const ORDER_MS_MAX = 1
/** As long as a conversation of ten turns. */
const TURNS = Array.from({ length: 10 }, (_, i) => ({
  role: i % 2 === 0 ? 'user' : 'assistant',
  content: `${i} `.repeat(400)
}))
const ADDED = `added by the router, ${CANDIDATES.router} candidates`
const ORDER = `order of ${CANDIDATES.order} candidates`

const candidate = (i: number): Candidate => ({
  ...{ peerId: `peer${i}`, name: `peer${i}`, local: false, connected: true, rttMs: i % 7 },
  capability: { task: 'text-generation', model: 'any', slots: 4, warm: i % 3 > 0 },
  device: { tier: i % 2 === 0 ? 0 : 2, onBattery: false }
})

const peer: Inference = {
  async *infer() {
    yield { type: 'text', index: 0, text: 'yes' }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
  }
}

export const bench: Bench = async ({ quick }) => {
  const router = newRouter()
  const request = router.prepare({ model: 'any', input: { messages: TURNS } })
  const ranked = Array.from({ length: CANDIDATES.order }, (_, i) => measured(i))
  const calls = quick ? CALLS.quick : CALLS.thorough
  const series = new Map<string, number[]>()
  // The first round compiles everything.
  for (let round = -1; round < (quick ? 2 : ROUNDS); round++) {
    const addedMs = (await callMs(router, request, calls)) - (await callMs(peer, request, calls))
    const orderMs = medianOf(Array.from({ length: 20 }, () => timeOf(() => rank(ranked, asking, 0))))
    if (round < 0) continue
    take(series, ADDED, addedMs)
    take(series, ORDER, orderMs)
  }
  const limits = { [ADDED]: ADDED_MS_MAX, [ORDER]: ORDER_MS_MAX }
  return [tableOf('Routing of one request', series, { unit: 'ms', references: [], limits })]
}

const asking = { ...askingBy('balanced'), pieces: 128, chance: 0.5 }

const measured = (i: number): RankedCandidate => ({
  ...candidate(i),
  record: {
    ...{ inFlight: i % 4, busyUntilMs: 0, ejectedUntilMs: 0 },
    ...{ firstChunkMs: i % 5 === 0 ? undefined : i % 97, pieceMs: i % 13 }
  }
})

function newRouter(): Router {
  const offers = Array.from({ length: CANDIDATES.router }, (_, i) => candidate(i))
  return new Router({
    ...{ clock: systemClock, random: Math.random, policy: 'balanced', newId: () => 'bench' },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    providers: { offers: () => offers, named: called => called, isConnected: () => true, client: () => peer },
    emit() {}
  })
}

/** The median time of one call, in ms. */
async function callMs(service: Inference, request: PreparedRequest, calls: number): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < calls; i++) {
    const beganMs = performance.now()
    for await (const chunk of service.infer(request)) if (chunk.type === 'done') break
    times.push(performance.now() - beganMs)
  }
  return medianOf(times)
}

function timeOf(work: () => unknown): number {
  const beganMs = performance.now()
  work()
  return performance.now() - beganMs
}
