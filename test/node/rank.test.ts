import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Hardware } from '../../interface/manifest.ts'
import { ROUTING_POLICIES, type RoutingPolicy } from '../../interface/routing.ts'
import { type Asking, askingBy } from '../../node/routing/asking.ts'
import { rank } from '../../node/routing/policies.ts'
import { deviceOf, type RankedCandidate } from '../../node/routing/rank.ts'

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

const orderBy = (asking: Partial<Asking>, ...candidates: RankedCandidate[]) =>
  rank(candidates, { ...askingBy('balanced'), ...asking }, NOW_MS).map(({ candidate }) => candidate.peerId)
const order = (...candidates: RankedCandidate[]) => orderBy({}, ...candidates)

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
    const [best] = rank([candidate('peer', {}, { firstChunkMs: undefined })], askingBy('fastest'), NOW_MS)
    expect(best?.parts).toContainEqual({ reason: 'not measured yet', ms: 100 })
    expect(best?.parts).toContainEqual({ reason: 'round trip', ms: 1 })
  })

  it('counts how fast a peer writes where the answer is long, and not where it is short', () => {
    const quick = candidate('quick', {}, { firstChunkMs: 10, pieceMs: 50 })
    const steady = candidate('steady', {}, { firstChunkMs: 100, pieceMs: 20 })
    expect(orderBy({ pieces: 100 }, quick, steady)[0]).toBe('steady')
    expect(orderBy({ pieces: 0 }, quick, steady)[0]).toBe('quick')
  })

  it('takes a peer that nobody measured for as fast a writer as the fastest', () => {
    const unmeasured = candidate('new', {}, { firstChunkMs: 10 })
    expect(orderBy({ pieces: 100 }, candidate('slow', {}, { pieceMs: 25 }), unmeasured)[0]).toBe('new')
  })

  it('stays with the peer that has read the conversation, while that peer is not far slower', () => {
    const known = new Map([['reader', 20_000]])
    const reader = candidate('reader', {}, { firstChunkMs: 300 })
    expect(orderBy({ known }, candidate('other'), reader)[0]).toBe('reader')
    const wedged = candidate('reader', {}, { firstChunkMs: 30_000 })
    expect(orderBy({ known }, candidate('other'), wedged)[0]).toBe('other')
    expect(orderBy({ known }, candidate('other'), candidate('reader', {}, { ejectedUntilMs: 2000 }))).toEqual(
      ['other']
    )
  })

  const stating = (firstChunkMs: number, tokensPerSecond?: number) => ({
    ...{ task: 'tensor' as const, model: 'm', slots: 1, warm: true },
    speed: { firstChunkMs, ...(tokensPerSecond !== undefined && { tokensPerSecond }) }
  })

  it('believes what a peer says of its speed until it has measured it', () => {
    const unmeasured = { firstChunkMs: undefined }
    const quick = candidate('quick', { capability: stating(5) }, unmeasured)
    const slow = candidate('slow', { capability: stating(5000) }, unmeasured)
    expect(order(slow, candidate('silent', {}, unmeasured), quick)).toEqual(['quick', 'silent', 'slow'])
    const writer = candidate('writer', { capability: stating(5, 100) }, unmeasured)
    const dawdler = candidate('dawdler', { capability: stating(5, 2) }, unmeasured)
    expect(orderBy({ pieces: 100 }, dawdler, writer)[0]).toBe('writer')
    const [best] = rank([quick], askingBy('fastest'), NOW_MS)
    expect(best?.parts[0]).toEqual({ reason: 'stated first chunk', ms: 5 })
    const caught = candidate('caught', { capability: stating(1, 1e6) }, { firstChunkMs: 900, pieceMs: 90 })
    expect(
      orderBy({ pieces: 100 }, caught, candidate('honest', {}, { firstChunkMs: 90, pieceMs: 9 }))[0]
    ).toBe('honest')
  })

  it('costs a finite time whatever is stated, which counts for nothing once it was measured', () => {
    const speed = fc.tuple(
      fc.integer({ min: 1, max: 3_600_000 }),
      fc.double({ min: 0.01, max: 1e6, noNaN: true })
    )
    const costOf = (one: RankedCandidate) =>
      rank([one], { ...askingBy('fastest'), pieces: 128 }, NOW_MS)[0]!.costMs
    fc.assert(
      fc.property(speed, speed, (one, other) => {
        const measured = { firstChunkMs: 40, pieceMs: 20 }
        const [a, b] = [one, other].map(said => candidate('a', { capability: stating(...said) }, measured))
        expect(costOf(a!)).toBe(costOf(b!))
        const faster: [number, number] = [Math.min(one[0], other[0]), Math.max(one[1], other[1])]
        const unmeasured = { firstChunkMs: undefined }
        const [first, last] = [faster, one].map(said =>
          costOf(candidate('a', { capability: stating(...said) }, unmeasured))
        )
        expect(Number.isFinite(last) && first! <= last! && first! >= 0).toBe(true)
      })
    )
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

const board = deviceOf({ hardware: hardware({ cores: 2, memoryBytes: 1e9 }) })
const tower = deviceOf({ hardware: hardware({ accelerators: ['nvidia-gpu'] }) })

function hardware(over: Partial<Hardware>): Hardware {
  return {
    ...{ platform: 'linux', arch: 'x64', cpu: 'any', cores: 8, memoryBytes: 16e9, accelerators: [] },
    ...over
  }
}

describe('the policy', () => {
  const fast = candidate('fast', { device: tower }, { firstChunkMs: 10 })
  const small = candidate('small', { device: board }, { firstChunkMs: 500 })
  const here = candidate('here', { local: true }, { firstChunkMs: 900 })
  const first = (policy: RoutingPolicy, ...candidates: RankedCandidate[]) =>
    orderBy({ policy }, ...candidates)[0]

  it('`fastest` and `balanced` take the least expected time', () => {
    expect(first('fastest', small, here, fast)).toBe('fast')
    expect(first('balanced', small, here, fast)).toBe('fast')
  })

  it('`local-first` takes this device however slow, unless it refused or failed', () => {
    expect(first('local-first', fast, candidate('here', { local: true }, { firstChunkMs: 90_000 }))).toBe(
      'here'
    )
    expect(first('local-first', fast, candidate('here', { local: true }, { busyUntilMs: 2000 }))).toBe('fast')
    expect(first('local-first', fast, candidate('here', { local: true }, { ejectedUntilMs: 2000 }))).toBe(
      'fast'
    )
  })

  it('`cheapest` takes the smallest device that is fast enough, and what stays in the mesh', () => {
    expect(first('cheapest', fast, small)).toBe('small')
    expect(first('cheapest', fast, candidate('small', { device: board }, { firstChunkMs: 5000 }))).toBe(
      'fast'
    )
    const rented = { task: 'tensor' as const, model: 'm', slots: 1, warm: true, leavesMesh: true }
    const outside = candidate('rented', { device: board, capability: rented }, { firstChunkMs: 5 })
    expect(first('cheapest', outside, fast)).toBe('fast')
    const slow = candidate('slow', { device: tower }, { firstChunkMs: 60_000 })
    expect(first('cheapest', outside, slow)).toBe('slow')
    expect(first('cheapest', outside, candidate('busy', {}, { busyUntilMs: 2000 }))).toBe('busy')
    // How fast one outside is makes no device of the mesh a slow one.
    expect(orderBy({ policy: 'cheapest' }, outside, slow, small)).toEqual(['small', 'slow', 'rented'])
  })

  it('`greenest` spares batteries, then loads from disk, then takes the smallest', () => {
    const onBattery = candidate('laptop', { device: { tier: 0, onBattery: true } })
    const cold = { task: 'tensor' as const, model: 'm', slots: 1, warm: false }
    const asleep = candidate('asleep', { device: board, capability: cold }, { firstChunkMs: undefined })
    expect(first('greenest', onBattery, asleep, fast)).toBe('fast')
    expect(first('greenest', onBattery, asleep)).toBe('asleep')
    expect(first('greenest', fast, small)).toBe('small')
  })

  it('`greenest` takes the device that measured less energy, before the smaller one', () => {
    const using = (peerId: string, joulesPerToken?: number, device = tower) => {
      const capability = { task: 'tensor' as const, model: 'm', slots: 1, warm: true }
      return candidate(peerId, {
        ...{
          device,
          capability: joulesPerToken === undefined ? capability : { ...capability, joulesPerToken }
        }
      })
    }
    const hungry = using('hungry', 3, board)
    expect(first('greenest', hungry, using('frugal', 0.5))).toBe('frugal')
    expect(first('cheapest', hungry, using('frugal', 0.5))).toBe('hungry')
    // Measurements vary by more.
    expect(first('greenest', using('large', 0.99), using('little', 1, board))).toBe('little')
    // One that states none is in the middle.
    const silent = using('silent')
    const stating = [hungry, using('frugal', 0.5), using('usual', 1)]
    expect(orderBy({ policy: 'greenest' }, silent, ...stating)).toEqual([
      'frugal',
      'silent',
      'usual',
      'hungry'
    ])
  })

  it('shares requests among peers that are about as good, by how much they have of ours', () => {
    const equal = ['a', 'b', 'c', 'd'].map((id, i) => candidate(id, {}, { firstChunkMs: 10 + i / 10 }))
    const counts = new Map<string, number>()
    for (let i = 0; i < 100; i++) {
      const [id] = orderBy({ chance: (i / 100) * 0.96 }, ...equal)
      counts.set(id!, (counts.get(id!) ?? 0) + 1)
    }
    expect(counts.size).toBeGreaterThanOrEqual(3)
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(60)
    const slots8 = { task: 'tensor' as const, model: 'm', slots: 8, warm: true }
    const loaded = candidate('a', { capability: slots8 }, { firstChunkMs: 10, inFlight: 1 })
    const free = candidate('b', { capability: slots8 }, { firstChunkMs: 11 })
    for (let i = 0; i < 96; i++) expect(orderBy({ chance: i / 100 }, loaded, free)[0]).toBe('b')
  })

  it('leaves the larger of two devices that are about as good free', () => {
    const large = candidate('a', { device: tower })
    for (let i = 0; i < 96; i++) {
      expect(orderBy({ chance: i / 100 }, large, candidate('b', { device: board }))[0]).toBe('b')
    }
  })

  it('never shares what an idle device can do itself', () => {
    const own = candidate('here', { local: true }, { firstChunkMs: 1 })
    for (let i = 0; i < 96; i++) {
      expect(orderBy({ chance: i / 100 }, own, candidate('far', {}, { firstChunkMs: 1.1 }))[0]).toBe('here')
    }
  })

  it('tries a peer that nobody measured once in 32 requests, if it may be of use', () => {
    const tried = (one: RankedCandidate) =>
      Array.from({ length: 320 }, (_, i) => orderBy({ chance: i / 320 }, candidate('known'), one)[0]).filter(
        id => id === one.peerId
      ).length
    expect(tried(candidate('new', {}, { firstChunkMs: undefined }))).toBe(10)
    expect(tried(candidate('far', { connected: false }, { firstChunkMs: undefined }))).toBe(0)
    const rented = { task: 'tensor' as const, model: 'm', slots: 1, warm: true, leavesMesh: true }
    expect(tried(candidate('rented', { capability: rented }, { firstChunkMs: undefined }))).toBe(0)
    expect(tried(candidate('busy', {}, { firstChunkMs: undefined, busyUntilMs: 9000 }))).toBe(0)
  })

  it('keeps every candidate once, whatever the chance', () => {
    const any = fc.record({
      firstChunkMs: fc.option(fc.double({ min: 0, max: 5000, noNaN: true }), { nil: undefined }),
      inFlight: fc.nat(20)
    })
    fc.assert(
      fc.property(
        fc.array(any, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(...ROUTING_POLICIES),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (records, policy, chance) => {
          const ids = records.map((_, i) => `p${i}`)
          const list = records.map((record, i) => candidate(`p${i}`, {}, record))
          expect(orderBy({ policy, chance }, ...list).sort()).toEqual(ids.sort())
        }
      )
    )
  })
})
