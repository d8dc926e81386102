import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RankedCandidate, rank } from '../../node/routing/rank.ts'

const NOW_MS = 1000

const candidate = (
  peerId: string,
  over: Partial<RankedCandidate> = {},
  record: Partial<RankedCandidate['record']> = {}
) => ({
  peerId,
  name: peerId,
  local: false,
  connected: true,
  rttMs: 1,
  capability: { task: 'tensor' as const, model: 'm', slots: 1, warm: true },
  ...over,
  record: { inFlight: 0, firstChunkMs: 10, busyUntilMs: 0, ejectedUntilMs: 0, ...record }
})

const order = (...candidates: RankedCandidate[]) =>
  rank(candidates, NOW_MS).map(({ candidate }) => candidate.peerId)

describe('the ranking', () => {
  it('prefers who answered faster', () => {
    expect(
      order(candidate('slow', {}, { firstChunkMs: 50 }), candidate('fast', {}, { firstChunkMs: 5 }))
    ).toEqual(['fast', 'slow'])
  })

  it('prefers this node to an equal peer that nobody measured', () => {
    const unmeasured = { firstChunkMs: undefined }
    expect(order(candidate('far', {}, unmeasured), candidate('here', { local: true }, unmeasured))[0]).toBe(
      'here'
    )
  })

  it('prefers a loaded model to one that must be loaded', () => {
    const cold = { task: 'tensor' as const, model: 'm', slots: 1, warm: false }
    const unmeasured = { firstChunkMs: undefined }
    expect(
      order(candidate('cold', { capability: cold }, unmeasured), candidate('warm', {}, unmeasured))[0]
    ).toBe('warm')
  })

  it('moves on from a peer as our own requests pile up there', () => {
    expect(
      order(candidate('piled', {}, { inFlight: 3 }), candidate('free', {}, { firstChunkMs: 20 }))[0]
    ).toBe('free')
  })

  it('leaves a busy peer alone for as long as it asked', () => {
    expect(
      order(
        candidate('busy', {}, { busyUntilMs: NOW_MS + 500 }),
        candidate('other', {}, { firstChunkMs: 100 })
      )[0]
    ).toBe('other')
    expect(
      order(
        candidate('busy', {}, { busyUntilMs: NOW_MS - 1 }),
        candidate('other', {}, { firstChunkMs: 100 })
      )[0]
    ).toBe('busy')
  })

  it('leaves out who failed too often, unless nobody else is there', () => {
    const ejected = candidate('ejected', {}, { ejectedUntilMs: NOW_MS + 1, firstChunkMs: 1 })
    expect(order(ejected, candidate('other'))).toEqual(['other'])
    expect(order(ejected)).toEqual(['ejected'])
  })

  it('says why', () => {
    const [best] = rank([candidate('peer', {}, { firstChunkMs: undefined })], NOW_MS)
    expect(best?.parts).toContainEqual({ reason: 'not measured yet', ms: 100 })
    expect(best?.parts).toContainEqual({ reason: 'round trip', ms: 1 })
  })

  it('does not depend on the order in which candidates come', () => {
    const any = fc.record({
      peerId: fc.uuid(),
      rttMs: fc.option(fc.double({ min: 0, max: 500, noNaN: true })),
      firstChunkMs: fc.option(fc.double({ min: 0, max: 5000, noNaN: true }), { nil: undefined }),
      inFlight: fc.nat(20)
    })
    fc.assert(
      fc.property(fc.uniqueArray(any, { selector: c => c.peerId, minLength: 1 }), fc.nat(), (list, turn) => {
        const all = list.map(({ peerId, rttMs, ...record }) => candidate(peerId, { rttMs }, record))
        const turned = [...all.slice(turn % all.length), ...all.slice(0, turn % all.length)]
        expect(order(...turned)).toEqual(order(...all))
      })
    )
  })
})
