/** One engine that is asked for more than it can do, on virtual time: the admission core alone. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { newAdmission, stepAdmission } from '../../capabilities/serving/admission-core.ts'
import { seededRandom } from '../../sim/random.ts'

interface Arrival {
  readonly atMs: number
  /** Absent: the person at the device. */
  readonly peer?: string
  readonly tookMs: number
  readonly budgetMs: number
}

interface Outcome {
  readonly arrival: Arrival
  readonly answeredMs?: number
  readonly refusedMs?: number
  readonly begunMs?: number
}

const REFUSED_MS_MAX = 50
/** Of one peer, where four want more than they get. */
const SHARE = 1 / 4

/** What becomes of each arrival. */
function serve(slots: number, arrivals: readonly Arrival[]): Outcome[] {
  const state = newAdmission(slots)
  const outcomes = new Map<number, Outcome>()
  const running = new Map<number, { endMs: number; begunMs: number }>()
  let next = 0
  for (;;) {
    const [ending] = [...running].sort((a, b) => a[1].endMs - b[1].endMs)
    const coming = arrivals[next]
    if (ending === undefined && coming === undefined) return arrivals.map((_, id) => outcomes.get(id)!)
    const isArrival = coming !== undefined && (ending === undefined || coming.atMs < ending[1].endMs)
    const nowMs = isArrival ? coming.atMs : ending![1].endMs
    const id = isArrival ? next++ : ending![0]
    const { peer, budgetMs } = arrivals[id]!
    if (!isArrival) {
      running.delete(id)
      const arrival = arrivals[id]!
      const isInTime = nowMs - arrival.atMs <= arrival.budgetMs
      const { begunMs } = ending![1]
      outcomes.set(id, { arrival, begunMs, ...(isInTime && { answeredMs: nowMs - arrival.atMs }) })
    }
    const event = isArrival
      ? ({ type: 'enter', id, peer, budgetMs } as const)
      : ({ type: 'leave', peer, startedMs: ending![1].begunMs } as const)
    for (const effect of stepAdmission(state, event, nowMs).effects) {
      const arrival = arrivals[effect.id]!
      if (effect.type === 'refuse') {
        assert.ok(effect.waitMs > 0)
        outcomes.set(effect.id, { arrival, refusedMs: nowMs - arrival.atMs })
      } else {
        // An asker whose time is over leaves at its end, and its engine worked until then.
        const leftMs = arrival.atMs + arrival.budgetMs - nowMs
        running.set(effect.id, {
          begunMs: nowMs,
          endMs: nowMs + Math.max(0, Math.min(arrival.tookMs, leftMs))
        })
      }
    }
  }
}

interface Load {
  readonly peers: Readonly<Record<string, { readonly perSecond: number; readonly tookMs: number }>>
  readonly forMs: number
  readonly budgetMs: number
  readonly seed: number
}

/** Each peer asks at random times, for answers that take half its time to one and a half of it. */
function arrivalsOf({ peers, forMs, budgetMs, seed }: Load): Arrival[] {
  const random = seededRandom(seed)
  return Object.entries(peers)
    .flatMap(([peer, { perSecond, tookMs }]) => {
      const all: Arrival[] = []
      for (let atMs = 0; atMs < forMs; atMs += (-Math.log(1 - random()) * 1000) / perSecond)
        all.push({ atMs, peer, tookMs: tookMs * (0.5 + random()), budgetMs })
      return all
    })
    .sort((a, b) => a.atMs - b.atMs)
}

const workOf = (outcomes: readonly Outcome[], peer?: string): number =>
  outcomes
    .filter(({ arrival, answeredMs }) => answeredMs !== undefined && (peer ?? arrival.peer) === arrival.peer)
    .reduce((sum, { arrival }) => sum + arrival.tookMs, 0)

const engine = fc.record({
  slots: fc.integer({ min: 1, max: 4 }),
  tookMs: fc.integer({ min: 20, max: 3000 }),
  seed: fc.nat(1_000_000)
})

describe('an engine that is asked five times what it can do', () => {
  it('does nine tenths of what it can, and refuses 19 of 20 others within 50 ms', () => {
    fc.assert(
      fc.property(
        engine,
        fc.double({ min: 6, max: 60, noNaN: true }),
        ({ slots, tookMs, seed }, patience) => {
          const each = (slots * 1000) / tookMs
          const load = { perSecond: each, tookMs }
          const peers = { a: load, b: load, c: load, d: load, e: load }
          const forMs = tookMs * 200
          const outcomes = serve(slots, arrivalsOf({ peers, forMs, budgetMs: tookMs * patience, seed }))
          const share = workOf(outcomes) / (slots * forMs)
          assert.ok(share >= 0.9, `the work that was worth it is ${share} of what it can do`)
          const refused = outcomes.flatMap(({ refusedMs }) => refusedMs ?? [])
          const late = refused.filter(ms => ms > REFUSED_MS_MAX).length / refused.length
          assert.ok(late <= 0.05, `${late} of the refusals are late`)
        }
      ),
      { numRuns: 20 }
    )
  })

  it('gives a greedy peer no more than its share while others want theirs', () => {
    fc.assert(
      fc.property(engine, fc.integer({ min: 1, max: 3 }), ({ slots, tookMs, seed }, times) => {
        // A queue of long answers is too short to hold what all want.
        const longer = tookMs < 40 ? times : 1
        const all = (slots * 1000) / tookMs
        const others = { b: 0.75, c: 0.75, d: 0.75 }
        const peers = {
          a: { perSecond: (all * 10) / longer, tookMs: tookMs * longer },
          ...Object.fromEntries(
            Object.entries(others).map(([peer, part]) => [peer, { perSecond: all * part, tookMs }])
          )
        }
        const forMs = tookMs * 500
        const outcomes = serve(slots, arrivalsOf({ peers, forMs, budgetMs: 3_600_000, seed }))
        const total = workOf(outcomes)
        const share = workOf(outcomes, 'a') / total
        // What others leave is its own, and the answer that runs when they come back ends.
        assert.ok(share <= SHARE * 1.4, `${share} of the work is of one peer of four`)
      }),
      { numRuns: 12 }
    )
  })

  it('gives a peer that asks now and then the next slot', () => {
    fc.assert(
      fc.property(engine, ({ slots, tookMs, seed }) => {
        const greedy = { a: { perSecond: (slots * 10_000) / tookMs, tookMs } }
        const forMs = tookMs * 200
        const now = Array.from({ length: 20 }, (_, i) => {
          return { atMs: (1 + i * 9) * tookMs, peer: 'b', tookMs, budgetMs: 3_600_000 }
        })
        const arrivals = [...arrivalsOf({ peers: greedy, forMs, budgetMs: 3_600_000, seed }), ...now]
        const outcomes = serve(
          slots,
          arrivals.sort((a, b) => a.atMs - b.atMs)
        )
        for (const { arrival, begunMs } of outcomes) {
          if (arrival.peer === 'b') assert.ok(begunMs! - arrival.atMs <= tookMs * 1.5)
        }
      }),
      { numRuns: 10 }
    )
  })

  it('refuses the person at the device nothing, who waits for one answer of others at most', () => {
    fc.assert(
      fc.property(engine, ({ slots, tookMs, seed }) => {
        const load = { perSecond: (slots * 2000) / tookMs, tookMs }
        const peers = { a: load, b: load, c: load }
        const forMs = tookMs * 100
        // One question after the other, and a pause between them.
        const own = Array.from({ length: 20 }, (_, i) => ({
          ...{ atMs: 1000 + i * tookMs * 4, tookMs, budgetMs: 3_600_000 }
        }))
        const arrivals = [...arrivalsOf({ peers, forMs, budgetMs: 3_600_000, seed }), ...own]
        const outcomes = serve(
          slots,
          arrivals.sort((a, b) => a.atMs - b.atMs)
        )
        const waits = outcomes
          .filter(({ arrival }) => arrival.peer === undefined)
          .map(({ arrival, begunMs }) => begunMs! - arrival.atMs)
        for (const waitMs of waits) assert.ok(waitMs <= tookMs * 1.5)
        // Of several slots one stays free for the next question.
        if (slots > 1) assert.deepEqual(waits.slice(1), Array(19).fill(0))
      }),
      { numRuns: 10 }
    )
  })

  it('gives a peer of short answers its turn after each answer of one that asks for long ones', () => {
    const state = newAdmission(1)
    let ids = 0
    let nowMs = 0
    /** The name is empty while no answer runs. */
    const slot = { peer: '', endMs: 0 }
    const waits = new Map<number, { peer: string; untilMs: number }>()
    const admitted: string[] = []
    const tookMs = (peer: string) => (peer === 'long' ? 300_000 : 5000)
    const see = (effects: ReturnType<typeof stepAdmission>['effects']) => {
      for (const { type, id } of effects) {
        if (type === 'admit') {
          slot.peer = waits.get(id)!.peer
          slot.endMs = nowMs + tookMs(slot.peer)
          admitted.push(slot.peer)
        }
        waits.delete(id)
      }
    }
    const ask = (peer: string, budgetMs: number) => {
      if ([...waits.values()].some(other => other.peer === peer)) return
      const id = ids++
      waits.set(id, { peer, untilMs: nowMs + budgetMs })
      see(stepAdmission(state, { type: 'enter', id, peer, budgetMs }, nowMs).effects)
    }
    for (; nowMs < 10 * 3_600_000; nowMs += 1000) {
      for (const [id, { untilMs }] of waits) {
        if (untilMs > nowMs || !waits.delete(id)) continue
        stepAdmission(state, { type: 'give-up', id }, nowMs)
      }
      if (slot.peer !== '' && nowMs >= slot.endMs) {
        const { peer } = slot
        slot.peer = ''
        see(stepAdmission(state, { type: 'leave', peer, startedMs: nowMs - tookMs(peer) }, nowMs).effects)
      }
      ask('long', 3_600_000)
      if (nowMs % 10_000 === 0) ask('short', 120_000)
    }
    const long = admitted.flatMap((peer, i) => (peer === 'long' ? [i] : []))
    assert.ok(long.length > 100)
    for (const i of long.slice(0, -1)) assert.equal(admitted[i + 1], 'short', `after answer ${i}`)
  })

  it('counts the time that a slot is held, whether or not it is worked in', () => {
    const state = newAdmission(1)
    const enter = (id: number, peer: string, nowMs: number) =>
      stepAdmission(state, { type: 'enter', id, peer }, nowMs).effects
    enter(0, 'holds', 0)
    enter(1, 'other', 0)
    enter(2, 'holds', 0)
    const leave = { type: 'leave', peer: 'holds', startedMs: undefined } as const
    assert.deepEqual(stepAdmission(state, leave, 10_000).effects, [{ type: 'admit', id: 1 }])
    assert.equal(state.turns.askers.get('holds')!.usedMs, 10_000)
    assert.equal(state.serviceMs, newAdmission(1).serviceMs)
  })

  it('lets less wait once its queue has stood for five seconds', () => {
    const state = newAdmission(1)
    state.serviceMs = 100
    let id = 1
    let nowMs = 0
    const queued = () => {
      while (stepAdmission(state, { type: 'enter', id, peer: 'a' }, nowMs).effects.length === 0) id++
      id++
      return state.turns.queue.size
    }
    stepAdmission(state, { type: 'enter', id: 0, peer: 'a' }, nowMs)
    assert.equal(queued(), 20)
    // The queue is refilled as it is worked on.
    while (nowMs < 8000) {
      nowMs += 100
      stepAdmission(state, { type: 'leave', peer: 'a', startedMs: nowMs - 100 }, nowMs)
      queued()
    }
    assert.equal(queued(), 5)
  })
})
