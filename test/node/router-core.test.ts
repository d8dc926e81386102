import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CancelledError, type ErrorCode, LumosError, PeerUnreachableError } from '../../interface/errors.ts'
import { askingBy } from '../../node/routing/asking.ts'
import { CONTINUATIONS_MAX } from '../../node/routing/continuation.ts'
import type { Candidate, RankedCandidate } from '../../node/routing/rank.ts'
import { newRouter, stepRouter } from '../../node/routing/router-core.ts'
import type { RouterEffect, RouterEvent } from '../../node/routing/router-state.ts'
import { recordOf, SAMPLES } from '../../node/routing/track-record.ts'
import { ATTEMPTS_MAX, rankOffers } from '../../node/routing/turns.ts'

const offer = (peerId: string): Candidate => ({
  peerId,
  name: peerId,
  local: false,
  connected: true,
  rttMs: 1,
  capability: { task: 'text-generation', model: 'echo', slots: 4, warm: true }
})

/** One that goes on with an answer. */
const able = (peerId: string): Candidate => ({
  ...offer(peerId),
  capability: { ...offer(peerId).capability, resumes: true }
})

const failure = (code: ErrorCode): LumosError => new LumosError(code, 'no')

const COLD: Candidate = { ...offer('b'), capability: { ...offer('b').capability, warm: false } }

/** A router and its clock; attempts are numbered from 1. */
function router() {
  const state = newRouter(0)
  let nowMs = 0
  let id = 0
  return {
    state,
    step(event: RouterEvent, passedMs = 0) {
      nowMs += passedMs
      return stepRouter(state, event, nowMs).effects
    },
    ask(offers: readonly Candidate[], budgetMs = 30_000) {
      id++
      return this.step({
        type: 'ask',
        id,
        requestId: `request-${id}`,
        budgetMs,
        offers,
        asking: askingBy('balanced')
      })
    },
    /** One answered request, whose first chunk took so long. */
    measure(peer: string, firstChunkMs: number) {
      this.ask([offer(peer)])
      this.step({ type: 'chunk', id, attempt: state.lastAttempt, last: true }, firstChunkMs)
    },
    /** One request that only this peer could answer, and that ends so after a while. */
    fail(peer: string, code: ErrorCode, { afterMs = 0, budgetMs = 30_000, chunks = 0 } = {}) {
      this.ask([offer(peer)], budgetMs)
      const attempt = state.lastAttempt
      for (let i = 0; i < chunks; i++) this.step({ type: 'chunk', id, attempt, last: false })
      return this.step({ type: 'failed', id, attempt, failure: failure(code), unwanted: false }, afterMs)
    },
    isEjected: (peer: string) => recordOf(state.records, peer, 'echo', nowMs).ejectedUntilMs > nowMs,
    inFlight: (peer: string) => recordOf(state.records, peer, 'echo', nowMs).inFlight,
    order: (...peers: string[]) =>
      rankOffers(state.records, peers.map(offer), askingBy('balanced'), nowMs).map(
        ({ candidate }) => candidate.peerId
      )
  }
}

/** What a request to two peers ends with when the first fails after so many chunks. */
function failedAfter(chunks: number, failure: LumosError, unwanted = false) {
  const one = router()
  one.ask([offer('a'), offer('b')])
  for (let i = 0; i < chunks; i++) one.step({ type: 'chunk', id: 1, attempt: 1, last: false })
  return one.step({ type: 'failed', id: 1, attempt: 1, failure, unwanted })
}

describe('a request that fails after its first chunk', () => {
  it.each(['TIMEOUT', 'PROTOCOL_VIOLATION', 'DENIED', 'PEER_REVOKED'] as const)(
    'keeps the code %s, which says more than that it was cut',
    code => {
      for (const chunks of [1, 2]) {
        expect(failedAfter(chunks, failure(code))).toMatchObject([{ type: 'fail', failure: { code } }])
      }
    }
  )

  it('is cancelled when its caller left, and cut when the peer cancelled it', () => {
    const code = 'STREAM_INTERRUPTED'
    expect(failedAfter(1, new CancelledError(), true)).toMatchObject([{ failure: { code: 'CANCELLED' } }])
    expect(failedAfter(1, new CancelledError(), false)).toMatchObject([{ failure: { code } }])
  })

  it.each([new PeerUnreachableError('gone'), new LumosError('ENGINE_FAILED', 'The engine died.')])(
    'is told once with the number of chunks that came: $code',
    failure => {
      const message = `The answer was cut after 2 chunks: ${failure.message}`
      expect(failedAfter(2, failure)).toMatchObject([
        { type: 'fail', failure: { code: 'STREAM_INTERRUPTED', message, details: { received: 2 } } }
      ])
      expect(failedAfter(0, failure)).toMatchObject([{ type: 'attempt' }])
    }
  )
})

/** A request whose first peer has given so many chunks, and which others may go on with. */
function begun(chunks: number, budgetMs = 30_000) {
  const one = router()
  const asking = askingBy('balanced')
  const offers = [able('a'), able('b')]
  one.step({ type: 'ask', id: 1, requestId: 'r', budgetMs, offers, asking, continues: true })
  const give = (attempt: number, waitedMs = 0) =>
    one.step({ type: 'chunk', id: 1, attempt, last: false, waitedMs }, waitedMs)
  const fail = (attempt: number, code: ErrorCode, ...peers: string[]) =>
    one.step({
      type: 'failed',
      id: 1,
      attempt,
      failure: failure(code),
      unwanted: false,
      offers: peers.map(able)
    })
  const wait = (attempt: number, waitedMs: number, ...peers: string[]) =>
    one.step({ type: 'timer', id: 1, attempt, waitedMs, offers: peers.map(able) }, waitedMs)
  for (let i = 0; i < chunks; i++) give(1, 20)
  return { ...one, give, fail, wait }
}

describe('an answer that is cut', () => {
  it.each([
    'PEER_UNREACHABLE',
    'ENGINE_FAILED',
    'PROTOCOL_VIOLATION',
    'CANCELLED',
    'OVERLOADED',
    'PEER_REVOKED'
  ] as const)('by %s goes on from the next peer, after the chunks that came', code => {
    const { fail, give } = begun(5)
    expect(fail(1, code, 'a', 'b')).toMatchObject([{ type: 'attempt', peer: { peerId: 'b' }, from: 5 }, {}])
    expect(give(2)).toMatchObject([{ type: 'timer' }, { type: 'deliver' }])
  })

  it('takes no retry for a continuation that follows chunks, and one for each after another that gave none', () => {
    const many = Array.from({ length: 30 }, () => begun(3))
    const first = many[0]!
    expect(many.every(({ fail }) => fail(1, 'PEER_UNREACHABLE', 'b')[0]?.type === 'attempt')).toBe(true)
    first.state.retries.retries.fill(10)
    expect(first.fail(2, 'PEER_UNREACHABLE', 'c')).toMatchObject([
      { type: 'fail', failure: { code: 'STREAM_INTERRUPTED', details: { received: 3 } } }
    ])
  })

  it('goes on from its own peer where no other can and its connection or engine broke, and from it but once', () => {
    const { fail } = begun(2)
    expect(fail(1, 'ENGINE_FAILED', 'a')).toMatchObject([{ peer: { peerId: 'a' }, from: 2 }, {}])
    expect(fail(2, 'ENGINE_FAILED', 'a')).toMatchObject([{ failure: { code: 'STREAM_INTERRUPTED' } }])
    expect(begun(2).fail(1, 'PROTOCOL_VIOLATION', 'a')).toMatchObject([{ type: 'fail' }])
  })

  it.each(['INVALID_INPUT', 'TIMEOUT', 'CONTEXT_TOO_SMALL'] as const)(
    'by %s goes on nowhere: it would end the same way',
    code => {
      expect(begun(2).fail(1, code, 'a', 'b')).toMatchObject([{ type: 'fail' }])
    }
  )

  it('ends where nobody can go on, where its time is over, and where its caller wants no continuation', () => {
    const cut = { type: 'fail', failure: { code: 'STREAM_INTERRUPTED', details: { received: 2 } } }
    expect(begun(2).fail(1, 'ENGINE_FAILED')).toMatchObject([cut])
    const late = begun(2, 100)
    late.step({ type: 'timer', id: 1, attempt: 1, waitedMs: 200 }, 200)
    expect(late.fail(1, 'ENGINE_FAILED', 'b')).toMatchObject([cut])
    const one = router()
    one.ask([able('a'), able('b')])
    one.step({ type: 'chunk', id: 1, attempt: 1, last: false })
    const failed = { type: 'failed', id: 1, attempt: 1, unwanted: false, offers: [able('b')] } as const
    expect(one.step({ ...failed, failure: failure('ENGINE_FAILED') })).toMatchObject([{ type: 'fail' }])
  })

  it('leaves a peer that goes on with it the time to make again what came, and notes that as no first chunk', () => {
    const one = begun(100)
    const limits = one.fail(1, 'ENGINE_FAILED', 'b')
    // 30 ms for each chunk that came, beside what any first chunk may take.
    expect(limits).toMatchObject([{ from: 100 }, { type: 'timer', attempt: 2, delayMs: 1500 + 100 * 30 }])
    one.give(2, 4400)
    expect(recordOf(one.state.records, 'b', 'echo', 4400).firstChunkMs).toBeUndefined()

    const silent = begun(100)
    silent.fail(1, 'ENGINE_FAILED', 'b', 'c')
    expect(silent.wait(2, 4500, 'b', 'c')).toMatchObject([{ peer: { peerId: 'c' } }, {}])
    silent.give(3)
    expect(silent.state.requests.get(1)!.attempts[1]!.end).toBe('TIMEOUT')
    expect(recordOf(silent.state.records, 'b', 'echo', 4500).firstChunkMs).toBeUndefined()
  })

  it('waits for twenty seconds more and no longer, however much came of it', () => {
    const [, timer] = begun(5000, 600_000).fail(1, 'ENGINE_FAILED', 'b')
    expect(timer).toMatchObject({ type: 'timer', delayMs: 1500 + 20_000 })
  })

  it('asks three peers for the same chunk, and goes on so often and no more', () => {
    const { fail } = begun(1)
    const peers = ['b', 'c', 'd', 'e']
    expect([1, 2, 3].map(attempt => fail(attempt, 'ENGINE_FAILED', ...peers)[0]?.type)).toEqual(
      Array(3).fill('attempt')
    )
    expect(fail(4, 'ENGINE_FAILED', ...peers)).toMatchObject([{ type: 'fail' }])

    const long = begun(1)
    let attempt = 1
    while (long.fail(attempt, 'ENGINE_FAILED', 'a', 'b')[0]?.type === 'attempt') long.give(++attempt)
    expect(attempt).toBe(CONTINUATIONS_MAX + 1)
  })
})

describe('a peer that stops in the middle of its answer', () => {
  it('has another one go on beside it after four times its longest wait, and not before three quarters of a second', () => {
    const quick = begun(10)
    expect(quick.wait(1, 700, 'b')).toMatchObject([{ type: 'timer', delayMs: 50 }])
    expect(quick.wait(1, 750, 'b')).toMatchObject([{ type: 'attempt', peer: { peerId: 'b' }, from: 10 }, {}])
    const slow = begun(10)
    slow.give(1, 500)
    expect(slow.wait(1, 1900, 'b')).toMatchObject([{ type: 'timer', delayMs: 100 }])
  })

  it('answers on where its next chunk is the first to come, and is cancelled where it is not', () => {
    const one = begun(10)
    one.wait(1, 800, 'b')
    expect(one.give(1)).toMatchObject([
      { type: 'abandon', attempt: 2 },
      { type: 'timer', attempt: 1 },
      { type: 'deliver' }
    ])
    const other = begun(10)
    other.wait(1, 800, 'b')
    expect(other.give(2)).toMatchObject([
      { type: 'abandon', attempt: 1 },
      { type: 'timer', attempt: 2 },
      { type: 'deliver' }
    ])
    expect(other.order('a', 'b')).toEqual(['b', 'a'])
  })

  it('is noted as slow where it goes on just before the one beside it, which is blamed for nothing', () => {
    const { wait, give, step, state, order, isEjected } = begun(10, 600_000)
    for (let round = 0, attempt = 1; round < 2; round++) {
      wait(1, 5000, 'b')
      expect(give(1, 5000)[0]).toEqual({ type: 'abandon', id: 1, attempt: ++attempt })
      for (let i = 0; i < 40; i++) give(1, 20)
    }
    const [, ...beside] = state.requests.get(1)!.attempts
    expect(beside.map(({ end }) => end)).toEqual(['CANCELLED', 'CANCELLED'])
    expect([order('a', 'b'), isEjected('b')]).toEqual([['b', 'a'], false])
    // At the third stall the next peer takes its place: that costs the node's own retries no more.
    expect(wait(1, 5000, 'b')).toMatchObject([
      { type: 'abandon', attempt: 1 },
      { type: 'attempt', attempt: 4, peer: { peerId: 'b' } },
      { type: 'timer' }
    ])
    expect(step({ type: 'chunk', id: 1, attempt: 1, last: false })).toEqual([])
    expect(give(4)).toMatchObject([{ type: 'timer', attempt: 4 }, { type: 'deliver' }])
  })

  it('is not late while its caller takes no chunk', () => {
    expect(begun(10).wait(1, 0, 'b')).toMatchObject([{ type: 'timer' }])
  })

  it('is looked at again where nobody can go on now, or no retry may be made', () => {
    const one = begun(10)
    expect(one.wait(1, 800)).toMatchObject([{ type: 'timer', delayMs: 1000 }])
    one.state.retries.retries.fill(10)
    expect(one.wait(1, 800, 'b')).toMatchObject([{ type: 'timer', delayMs: 1000 }])
  })

  it('has the next one asked where the one beside it fails', () => {
    const one = begun(10)
    one.wait(1, 800, 'b', 'c')
    expect(one.fail(2, 'ENGINE_FAILED', 'b', 'c')).toMatchObject([{ peer: { peerId: 'c' }, from: 10 }, {}])
    expect(one.fail(3, 'ENGINE_FAILED', 'b', 'c')).toMatchObject([{ type: 'timer', attempt: 1 }])
    expect(one.fail(1, 'ENGINE_FAILED', 'b', 'c')).toMatchObject([
      { failure: { code: 'STREAM_INTERRUPTED' } }
    ])
  })
})

describe('a peer outside the mesh', () => {
  const outside = (peerId: string): Candidate => ({
    ...able(peerId),
    rttMs: 0.1,
    capability: { ...able(peerId).capability, leavesMesh: true }
  })
  const gone = { type: 'failed', id: 1, failure: failure('ENGINE_FAILED'), unwanted: false } as const
  const begin = (offers: readonly Candidate[]) => {
    const one = router()
    const asking = askingBy('local-first')
    one.step({
      ...{ type: 'ask', id: 1, requestId: 'r', budgetMs: 30_000, continues: true },
      offers: offers.map((peer, i) => ({ ...peer, local: i === 0 })),
      asking
    })
    return one
  }

  it('is asked where those of the mesh have failed, and beside none of them', () => {
    const one = begin([able('a'), outside('far'), able('b')])
    expect(one.step({ type: 'timer', id: 1, attempt: 1 }, 10_000)).toMatchObject([
      { peer: { peerId: 'b' } },
      { type: 'timer' }
    ])
    expect(one.step({ type: 'timer', id: 1, attempt: 2 }, 1500)).toEqual([])
    expect(one.step({ ...gone, attempt: 1 })).toEqual([])
    expect(one.step({ ...gone, attempt: 2 })).toMatchObject([{ peer: { peerId: 'far' } }])
  })

  it('goes on with no answer that began in the mesh, whether it was cut or stopped', () => {
    const offers = [outside('far')]
    const cut = begin([able('a'), outside('far')])
    cut.step({ type: 'chunk', id: 1, attempt: 1, last: false })
    const stop = { type: 'timer', id: 1, attempt: 1, waitedMs: 10_000, offers } as const
    expect(cut.step(stop, 10_000)).toMatchObject([{ type: 'timer', attempt: 1 }])
    expect(cut.step({ ...gone, attempt: 1, offers })).toMatchObject([
      { failure: { code: 'STREAM_INTERRUPTED' } }
    ])
    const there = begin([outside('near'), outside('far')])
    there.step({ type: 'chunk', id: 1, attempt: 1, last: false })
    expect(there.step({ ...gone, attempt: 1, offers })).toMatchObject([{ peer: { peerId: 'far' } }, {}])
  })
})

describe('this device under `local-first`', () => {
  it('has no other one asked beside it before it hangs, neither at its beginning nor in the middle', () => {
    const one = router()
    const offers = [{ ...able('here'), local: true }, able('b')]
    const asking = askingBy('local-first')
    const ask = { type: 'ask', id: 1, requestId: 'r', budgetMs: 30_000, continues: true } as const
    expect(one.step({ ...ask, offers, asking })).toMatchObject([{}, { type: 'timer', delayMs: 10_000 }])
    const chunk = { type: 'chunk', id: 1, attempt: 1, last: false, waitedMs: 20 } as const
    expect(one.step(chunk)).toMatchObject([{ type: 'timer', delayMs: 10_000 }, {}])
    const timer = { type: 'timer', id: 1, attempt: 1, offers } as const
    expect(one.step({ ...timer, waitedMs: 9000 }, 9000)).toMatchObject([{ type: 'timer', delayMs: 1000 }])
    expect(one.step({ ...timer, waitedMs: 10_000 }, 1000)).toMatchObject([{ peer: { peerId: 'b' } }, {}])
  })
})

describe('an attempt', () => {
  it('has a number of its own, and what is said of another one changes nothing', () => {
    const one = router()
    const { step, state } = one
    expect(one.ask([offer('a'), offer('b')])).toMatchObject([{ attempt: 1 }, { type: 'timer' }])
    const gone = failure('PEER_UNREACHABLE')
    const failed = { type: 'failed', id: 1, attempt: 1, failure: gone, unwanted: false } as const
    expect(step(failed)).toMatchObject([{ type: 'attempt', attempt: 2, peer: { peerId: 'b' } }])
    expect(step(failed)).toEqual([])
    expect(step({ type: 'chunk', id: 1, attempt: 1, last: true })).toEqual([])
    expect(step({ type: 'ended', id: 1, attempt: 1 })).toEqual([])
    expect(step({ type: 'chunk', id: 1, attempt: 2, last: false })).toMatchObject([{ type: 'deliver' }])
    expect(state.requests.size).toBe(1)
  })

  it('that ends without an end fails', () => {
    const one = router()
    one.ask([offer('a')])
    expect(one.step({ type: 'ended', id: 1, attempt: 1 })).toMatchObject([
      { type: 'fail', failure: { code: 'ENGINE_FAILED' } }
    ])
  })
})

describe('a peer that sends no first chunk', () => {
  it('has the next one asked beside it after one and a half seconds, and is cancelled when that one is faster', () => {
    const one = router()
    const [attempt, timer] = one.ask([offer('a'), offer('b')])
    expect([attempt, timer]).toMatchObject([
      { type: 'attempt', attempt: 1, peer: { peerId: 'a' } },
      { type: 'timer', id: 1, attempt: 1, delayMs: 1500 }
    ])
    expect(one.step({ type: 'timer', id: 1, attempt: 1 }, 1500)).toMatchObject([
      { type: 'attempt', id: 1, attempt: 2, peer: { peerId: 'b' }, budgetMs: 28_500 }
    ])
    expect(one.inFlight('a')).toBe(1)
    expect(one.step({ type: 'chunk', id: 1, attempt: 2, last: false })).toMatchObject([
      { type: 'abandon', id: 1, attempt: 1 },
      { type: 'deliver' }
    ])
    expect(one.inFlight('a')).toBe(0)
    expect(one.step({ type: 'chunk', id: 1, attempt: 1, last: true })).toEqual([])
    expect(one.order('a', 'b')).toEqual(['b', 'a'])
  })

  it('answers where the ones asked beside it fail, whatever they fail with', () => {
    for (const code of ['ENGINE_FAILED', 'OVERLOADED', 'INVALID_INPUT'] as const) {
      const one = router()
      one.ask([offer('a'), offer('b')])
      one.step({ type: 'timer', id: 1, attempt: 1 }, 1500)
      const failed = { type: 'failed', id: 1, failure: failure(code), unwanted: false } as const
      expect(one.step({ ...failed, attempt: 2 })).toEqual([])
      expect(one.step({ type: 'chunk', id: 1, attempt: 1, last: false }, 3000)).toMatchObject([
        { type: 'deliver' }
      ])
    }
  })

  it('leaves what the others failed with as the end, once it fails too', () => {
    const one = router()
    one.ask([offer('a'), offer('b')])
    one.step({ type: 'timer', id: 1, attempt: 1 }, 1500)
    const failed = { type: 'failed', id: 1, unwanted: false } as const
    one.step({ ...failed, attempt: 2, failure: failure('INVALID_INPUT') })
    expect(one.step({ ...failed, attempt: 1, failure: failure('TIMEOUT') })).toMatchObject([
      { type: 'fail', failure: { code: 'INVALID_INPUT' } }
    ])
  })

  it('is waited for when it is the only one, or the last one', () => {
    const one = router()
    expect(one.ask([offer('a')])).toMatchObject([{ type: 'attempt' }])
    expect(one.step({ type: 'timer', id: 1, attempt: 1 }, 5000)).toEqual([])
  })

  it('is looked at again when no retry may be made, and has the next one asked once one may', () => {
    const one = router()
    const asked = Array.from({ length: 11 }, () => one.ask([offer('a'), offer('b')])[0])
    const timers = Array.from({ length: 11 }, (_, i) =>
      one.step({ type: 'timer', id: i + 1, attempt: i + 1 }, i === 0 ? 1500 : 0)
    )
    expect(timers.map(([effect]) => effect?.type)).toEqual([...Array(10).fill('attempt'), 'timer'])
    const again = { type: 'timer', id: 11, attempt: 11 } as const
    expect(one.step(again, 1000)).toEqual([{ ...again, delayMs: 1000 }])
    expect(one.step(again, 10_000)).toMatchObject([{ type: 'attempt', id: 11 }])
    // Its silence was noted once.
    const { peer } = asked[10] as Extract<RouterEffect, { type: 'attempt' }>
    expect(recordOf(one.state.records, peer.peerId, 'echo', 12_500).firstChunkMs).toBe(1500)
    expect(one.step({ type: 'chunk', id: 11, attempt: 11, last: false })).toMatchObject([
      { type: 'abandon' },
      { type: 'deliver' }
    ])
  })

  it('is looked at again where the one beside it failed and no retry may be made', () => {
    const one = router()
    for (let i = 0; i < 10; i++) one.ask([offer('a'), offer('b'), offer('c')])
    for (let i = 0; i < 10; i++) one.step({ type: 'timer', id: i + 1, attempt: i + 1 }, i === 0 ? 1500 : 0)
    const failed = { type: 'failed', id: 1, attempt: 11, failure: failure('ENGINE_FAILED') } as const
    expect(one.step({ ...failed, unwanted: false })).toEqual([
      { type: 'timer', id: 1, attempt: 1, delayMs: 1000 }
    ])
  })

  it('is waited for once its first chunk has come', () => {
    const one = router()
    one.ask([offer('a'), offer('b')])
    one.step({ type: 'chunk', id: 1, attempt: 1, last: false })
    expect(one.step({ type: 'timer', id: 1, attempt: 1 }, 1500)).toEqual([])
  })

  it('has the next one asked as soon as it is slower than nineteen of twenty times, and not within a pause', () => {
    const one = router()
    for (let i = 0; i < SAMPLES; i++) one.measure('a', i === 3 ? 400 : 300)
    expect(one.ask([offer('a')])).toMatchObject([{ type: 'attempt' }])
    one.step({ type: 'cancel', id: SAMPLES + 1 })
    expect(one.ask([offer('a'), COLD])).toMatchObject([
      { type: 'attempt', peer: { peerId: 'a' } },
      { type: 'timer', delayMs: 400 }
    ])
    const quick = router()
    for (let i = 0; i < SAMPLES; i++) quick.measure('a', 5)
    expect(quick.ask([offer('a'), offer('b')])[1]).toMatchObject({ type: 'timer', delayMs: 250 })
  })

  it('has longer when it is slow by nature, and less when little time is left', () => {
    const slow = router()
    slow.measure('a', 2000)
    const [, timer] = slow.ask([offer('a'), { ...offer('far'), rttMs: 9000 }])
    expect(timer).toMatchObject({ type: 'timer', delayMs: 6000 })

    const hurried = router()
    hurried.measure('a', 10)
    expect(hurried.ask([offer('a'), offer('b')], 1000)).toMatchObject([{}, { delayMs: 500 }])
    expect(hurried.ask([offer('a'), offer('b')], 100)).toHaveLength(1)
  })
})

describe('a device that is not connected and cannot be dialed', () => {
  const away = (peerId: string): Candidate => ({ ...offer(peerId), connected: false, rttMs: 0.1 })
  const gone = { type: 'failed', failure: failure('PEER_UNREACHABLE'), unwanted: false } as const

  it('takes no attempt and no retry from the request', () => {
    const one = router()
    for (let id = 1; id <= 12; id++) {
      const names = ['a', 'b', 'c', 'd'].map(name => `${name}${id}`)
      one.ask([...names.map(away), { ...offer('e'), rttMs: 5 }])
      for (let i = 1; i <= 4; i++) {
        const [attempt] = one.step({ ...gone, id, attempt: one.state.lastAttempt })
        expect(attempt).toMatchObject({ type: 'attempt' })
      }
    }
  })

  it('is no reason for the end of a request that others refused', () => {
    const one = router()
    one.ask([{ ...offer('a'), rttMs: 0 }, away('b')])
    one.step({ ...gone, id: 1, attempt: 1, failure: failure('OVERLOADED') })
    expect(one.step({ ...gone, id: 1, attempt: 2 })).toMatchObject([{ failure: { code: 'OVERLOADED' } }])
    one.ask([away('b')])
    expect(one.step({ ...gone, id: 2, attempt: 3 })).toMatchObject([
      { failure: { code: 'PEER_UNREACHABLE' } }
    ])
  })
})

/** What may happen next to a request, as numbers: which attempt, how, and how much later. */
const happening = fc.record({
  how: fc.constantFrom('timer', 'chunk', 'last', 'ended', 'PEER_UNREACHABLE', 'OVERLOADED', 'INVALID_INPUT'),
  which: fc.nat(7),
  passedMs: fc.nat(4000)
})

function eventOf(how: string, attempt: number): RouterEvent {
  if (how === 'timer' || how === 'ended') return { type: how, id: 1, attempt }
  if (how === 'chunk' || how === 'last') return { type: 'chunk', id: 1, attempt, last: how === 'last' }
  return { type: 'failed', id: 1, attempt, failure: failure(how as ErrorCode), unwanted: false }
}

describe('whatever happens to a request', () => {
  it('has at most three attempts that were reached, one answer, one end, and nothing under way after it', () => {
    const connected = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 })
    fc.assert(
      fc.property(connected, fc.array(happening, { maxLength: 40 }), (peers, happenings) => {
        const one = router()
        const offers = peers.map((connected, i) => ({ ...offer(`p${i}`), connected }))
        const begun = new Map<number, RankedCandidate>()
        const underWay = new Set<number>()
        let unreached = 0
        let answering: number | undefined
        let ends = 0
        const take = (effects: readonly RouterEffect[], event?: RouterEvent) => {
          for (const effect of effects) {
            expect(ends).toBe(effect.type === 'deliver' ? ends : 0)
            if (effect.type === 'attempt') {
              expect(answering).toBeUndefined()
              begun.set(effect.attempt, effect.peer)
              underWay.add(effect.attempt)
            }
            if (effect.type === 'abandon') expect(underWay.delete(effect.attempt)).toBe(true)
            if (effect.type === 'deliver' && event?.type === 'chunk') {
              answering ??= event.attempt
              expect(event.attempt).toBe(answering)
            }
            if (effect.type === 'complete' || effect.type === 'fail') ends++
            if (effect.type === 'fail') expect(underWay.size).toBe(0)
          }
          if (answering !== undefined && ends === 0) expect([...underWay]).toEqual([answering])
        }

        take(one.ask(offers))
        for (const { how, which, passedMs } of happenings) {
          const event = eventOf(how, which)
          const isOver = how !== 'timer' && how !== 'chunk' && underWay.delete(which)
          if (isOver && how === 'PEER_UNREACHABLE' && !begun.get(which)!.connected) {
            if (answering === undefined) unreached++
          }
          take(one.step(event, passedMs), event)
          expect(begun.size - unreached).toBeLessThanOrEqual(ATTEMPTS_MAX)
          // It goes on for as long as a peer may still answer.
          expect(ends).toBe(underWay.size === 0 ? 1 : 0)
        }
        if (ends === 0) take(one.step({ type: 'cancel', id: 1 }))
        expect(ends).toBe(1)
        const asked = [...begun.values()].map(({ peerId }) => peerId)
        if (peers.length > 1) expect(new Set(asked).size).toBe(asked.length)
        for (const peerId of asked) expect(one.inFlight(peerId)).toBe(0)
        expect(one.state.requests.size).toBe(0)
      })
    )
  })
})

describe('a peer', () => {
  it.each(['DENIED', 'PEER_REVOKED', 'PEER_NOT_MEMBER', 'CANCELLED', 'INVALID_INPUT'] as const)(
    'is not blamed for %s',
    code => {
      const one = router()
      for (let i = 0; i < 10; i++) one.fail('a', code)
      expect(one.isEjected('a')).toBe(false)
    }
  )

  it('that refuses this node is asked after the others for a while', () => {
    const one = router()
    one.fail('a', 'DENIED')
    expect(one.order('a', 'b')).toEqual(['b', 'a'])
    expect(one.isEjected('a')).toBe(false)
  })

  it('is not blamed for a budget that is smaller than its usual time', () => {
    const one = router()
    one.measure('a', 1000)
    for (let i = 0; i < 10; i++) one.fail('a', 'TIMEOUT', { afterMs: 50, budgetMs: 50 })
    expect(one.isEjected('a')).toBe(false)
    for (let i = 0; i < 10; i++) one.fail('unmeasured', 'TIMEOUT', { afterMs: 50, budgetMs: 50 })
    expect(one.isEjected('unmeasured')).toBe(false)
  })

  it('is blamed when it took longer than its usual time, and when it hangs in the middle of an answer', () => {
    const one = router()
    one.measure('a', 10)
    for (let i = 0; i < 5; i++) one.fail('a', 'TIMEOUT', { afterMs: 2000, budgetMs: 2000 })
    expect(one.isEjected('a')).toBe(true)
    for (let i = 0; i < 5; i++) one.fail('b', 'TIMEOUT', { afterMs: 30_000, chunks: 1 })
    expect(one.isEjected('b')).toBe(true)
    for (let i = 0; i < 5; i++) one.fail('c', 'TIMEOUT', { afterMs: 500, budgetMs: 500, chunks: 1 })
    expect(one.isEjected('c')).toBe(false)
  })
})

describe('whatever happens to an answer that others may go on with', () => {
  it('is asked for from the chunk that is next, is given by one peer at a time, and ends once', () => {
    const peers = ['a', 'b', 'c', 'd']
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), happenings => {
        const one = router()
        const underWay = new Map<number, number>()
        let delivered = 0
        let ends = 0
        const take = (effects: readonly RouterEffect[]) => {
          for (const effect of effects) {
            if (effect.type === 'attempt') {
              expect(effect.from).toBe(delivered)
              underWay.set(effect.attempt, effect.from)
            }
            if (effect.type === 'abandon') expect(underWay.delete(effect.attempt)).toBe(true)
            if (effect.type === 'deliver') delivered++
            if (effect.type === 'complete' || effect.type === 'fail') ends++
            if (effect.type === 'fail') expect(underWay.size).toBe(0)
          }
        }
        const offers = peers.map(able)
        const asking = askingBy('balanced')
        take(
          one.step({ type: 'ask', id: 1, requestId: 'r', budgetMs: 30_000, offers, asking, continues: true })
        )
        for (const { how, which, passedMs } of happenings) {
          const attempt = [...underWay.keys()][which % Math.max(1, underWay.size)] ?? which
          const event = { ...eventOf(how, attempt), offers, waitedMs: passedMs } as RouterEvent
          if (how !== 'timer' && how !== 'chunk') underWay.delete(attempt)
          const before = delivered
          take(one.step(event, passedMs))
          if (how === 'chunk' && delivered > before) {
            // What was asked for the same chunk is given up: the next one has this attempt alone.
            expect([...underWay.keys()]).toEqual([attempt])
          }
          expect(ends).toBe(underWay.size === 0 ? 1 : 0)
        }
        if (ends === 0) take(one.step({ type: 'cancel', id: 1 }))
        expect(ends).toBe(1)
        for (const peer of peers) expect(one.inFlight(peer)).toBe(0)
      })
    )
  })
})
