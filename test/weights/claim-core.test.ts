/** Which of several devices asks the origin, decided by each alone, over messages that are late, and with devices that lie or die. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import {
  type ClaimEffect,
  type ClaimEvent,
  type ClaimState,
  claimCore,
  NEWS_MS,
  newClaim,
  TURN_MS,
  UNABLE_MS
} from '../../node/weights/sharing/claim-core.ts'
import type { Stated } from '../../protocols/blocks/index.ts'

const MIB = 1024 * 1024
const CLAIMS: Stated = { stage: 'claims', able: true, strength: 0 }
const FOLLOWS: Stated = { stage: 'follows', able: true, strength: 0 }

function setUp(peerId: string, strength = 0) {
  const state = newClaim(peerId, strength, 0)
  const step = (event: ClaimEvent, nowMs = 0): readonly ClaimEffect[] =>
    claimCore(state, event, nowMs, () => 0).effects
  const hear = (peerId: string, stated: Stated, nowMs = 0) => step({ type: 'heard', peerId, stated }, nowMs)
  return { state, step, hear }
}

describe('a claim', () => {
  it('is of a device that found no other one, once it has asked all', () => {
    const { step, state } = setUp('b')
    assert.deepEqual(step({ type: 'timer' }, 60_000), [])
    assert.deepEqual(step({ type: 'asked' }), [{ type: 'claim' }])
    assert.equal(state.stage, 'claims')
  })

  it('is not of a device that hears of one, whatever its place in the order', () => {
    const { step, hear } = setUp('a')
    hear('b', CLAIMS)
    assert.deepEqual(step({ type: 'asked' }), [{ type: 'follow', peerId: 'b' }])
  })

  it('of two at once is that of the stronger link, then of the lower PeerId', () => {
    for (const [own, strength, other, yields] of [
      ['b', 0, 'a', true],
      ['a', 0, 'b', false],
      ['b', 21, 'a', false],
      ['b', -1, 'c', true]
    ] as const) {
      const { step, hear } = setUp(own, strength)
      step({ type: 'asked' })
      assert.deepEqual(hear(other, CLAIMS), yields ? [{ type: 'follow', peerId: other }] : [], own)
    }
  })

  it('passes to a device that has all of it', () => {
    const { step, hear } = setUp('a', 40)
    step({ type: 'asked' })
    assert.deepEqual(hear('z', { ...CLAIMS, stage: 'has' }), [{ type: 'follow', peerId: 'z' }])
  })

  it('is taken over at once when its device is gone, by the first in the order', () => {
    const { step, hear } = setUp('b')
    hear('z', CLAIMS)
    step({ type: 'asked' })
    hear('c', FOLLOWS)
    assert.deepEqual(step({ type: 'gone', peerId: 'z' }), [{ type: 'claim' }])
    const second = setUp('c')
    second.hear('z', CLAIMS)
    second.step({ type: 'asked' })
    second.hear('b', FOLLOWS)
    assert.deepEqual(second.step({ type: 'gone', peerId: 'z' }), [])
    assert.deepEqual(second.step({ type: 'timer' }, TURN_MS - 1), [])
    assert.deepEqual(second.step({ type: 'timer' }, TURN_MS), [{ type: 'claim' }])
  })

  it('of a device that was asked before it began stays, where it has said so since', () => {
    const { step, hear } = setUp('b')
    hear('a', { ...FOLLOWS, stage: 'asks' }, 20)
    step({ type: 'gone', peerId: 'a', askedMs: 20 }, 30)
    assert.deepEqual(step({ type: 'asked' }, 40), [])
    assert.deepEqual(step({ type: 'gone', peerId: 'a', askedMs: 21 }, 50), [{ type: 'claim' }])
  })

  it('is over after 30 s without a leaf, however often its device states it', () => {
    const { step, hear } = setUp('b')
    hear('a', CLAIMS)
    step({ type: 'asked' })
    for (let ms = 0; ms < NEWS_MS; ms += 1000) assert.deepEqual(hear('a', CLAIMS, ms), [])
    assert.deepEqual(hear('a', CLAIMS, NEWS_MS), [{ type: 'late', peerId: 'a' }, { type: 'claim' }])
    assert.deepEqual(hear('a', { ...CLAIMS, stage: 'has' }, NEWS_MS), [])
  })

  it('is over when it brings a leaf now and then, and the own link is known to bring far more', () => {
    for (const [strength, isLate] of [
      [0, false],
      [24, true]
    ] as const) {
      const { step, hear } = setUp('b', strength)
      hear('a', { ...CLAIMS, strength: 60 })
      step({ type: 'asked' })
      const late = Array.from({ length: 31 }, (_, n) => {
        step({ type: 'leaf', bytes: n % 10 === 0 ? MIB : 0 }, n * 1000)
        return hear('a', { ...CLAIMS, strength: 60 }, n * 1000)
      }).flat()
      assert.equal(
        late.some(({ type }) => type === 'late'),
        isLate
      )
    }
  })

  it('is over when its device has claimed, withdrawn and claimed again eight times', () => {
    const { step, hear, state } = setUp('b')
    step({ type: 'failed' })
    step({ type: 'asked' })
    hear('a', FOLLOWS)
    for (let ms = 1000; ms <= 8000; ms += 1000) {
      assert.deepEqual(hear('a', CLAIMS, ms), [{ type: 'follow', peerId: 'a' }])
      step({ type: 'leaf', bytes: MIB }, ms)
      hear('a', FOLLOWS, ms)
    }
    hear('a', CLAIMS, 9000)
    assert.equal(state.leader, undefined)
    assert.ok(state.shut.has('a'))
  })

  it('is of no device whose own origin fails, and ends when no other one claims', () => {
    const { step, hear } = setUp('a')
    step({ type: 'asked' })
    hear('b', FOLLOWS)
    assert.deepEqual(step({ type: 'failed' }), [])
    assert.deepEqual(hear('b', CLAIMS, 10), [{ type: 'follow', peerId: 'b' }])
    hear('b', FOLLOWS, 20)
    for (let ms = 20; ms < UNABLE_MS; ms += 10_000) assert.deepEqual(hear('b', FOLLOWS, ms), [])
    assert.deepEqual(hear('b', FOLLOWS, UNABLE_MS + 20), [{ type: 'fail' }])
    assert.deepEqual(setUp('a').step({ type: 'failed' }), [])
  })

  it('comes to one device among all that live, whichever die, in a minute and a turn of each', () => {
    const plan = fc.record({
      seed: fc.integer({ min: 0 }),
      devices: fc.array(fc.record({ startMs: fc.nat(20_000), strength: fc.nat(3) }), {
        minLength: 2,
        maxLength: 6
      }),
      deaths: fc.array(fc.record({ device: fc.nat(5), atMs: fc.nat(60_000), silent: fc.boolean() }), {
        maxLength: 4
      })
    })
    fc.assert(
      fc.property(plan, ({ seed, devices, deaths }) => {
        const mesh = new Mesh(seed, devices)
        const dead = new Map(
          deaths.map(({ device, atMs, silent }) => [device % devices.length, { atMs, silent }])
        )
        if (dead.size === devices.length) return
        for (let ms = 0; ms <= 60_000 + NEWS_MS + 6 * TURN_MS + 2000; ms += 100) mesh.run(ms, dead)
        const alive = mesh.states.filter((_, n) => !dead.has(n))
        const claiming = alive.filter(({ stage }) => stage === 'claims')
        assert.equal(
          claiming.length,
          1,
          JSON.stringify(mesh.states.map(({ stage, leader }) => [stage, leader]))
        )
        for (const { stage, leader } of alive)
          if (stage !== 'claims') assert.equal(leader, claiming[0]!.peerId)
      }),
      { numRuns: 60 }
    )
  })
})

type Deaths = ReadonlyMap<number, { readonly atMs: number; readonly silent: boolean }>

/** Devices that state what they do every half second, to all others, up to 300 ms late. */
class Mesh {
  readonly states: ClaimState[]
  readonly #devices: readonly { startMs: number; strength: number }[]
  readonly #late: { atMs: number; to: number; event: ClaimEvent }[] = []
  #seed: number

  constructor(seed: number, devices: readonly { startMs: number; strength: number }[]) {
    this.#seed = seed
    this.#devices = devices
    this.states = devices.map(({ startMs, strength }, n) => newClaim(`peer${n}`, strength, startMs))
  }

  run(nowMs: number, dead: Deaths): void {
    for (const [n, { startMs }] of this.#devices.entries()) {
      const state = this.states[n]!
      const death = dead.get(n)
      if (nowMs < startMs) continue
      if (death !== undefined && nowMs >= death.atMs) {
        if (!death.silent && nowMs - death.atMs < 100)
          this.#tell(n, nowMs, { type: 'gone', peerId: state.peerId })
        continue
      }
      for (const message of this.#late.filter(({ to, atMs }) => to === n && atMs <= nowMs)) {
        this.#late.splice(this.#late.indexOf(message), 1)
        claimCore(state, message.event, nowMs, () => 0)
      }
      // A claim that lives brings leaves.
      const leader = this.states.findIndex(({ peerId }) => peerId === state.leader)
      const brings = leader !== -1 && !(nowMs >= (dead.get(leader)?.atMs ?? Infinity))
      if (brings && nowMs % 1000 === 0) claimCore(state, { type: 'leaf', bytes: 64 * MIB }, nowMs, () => 0)
      if (nowMs - startMs >= 700 && nowMs - startMs < 800) claimCore(state, { type: 'asked' }, nowMs, () => 0)
      if (nowMs % 500 === 0) {
        const { stage, able, strength } = state
        this.#tell(n, nowMs, { type: 'heard', peerId: state.peerId, stated: { stage, able, strength } })
      }
      claimCore(state, { type: 'timer' }, nowMs, () => 0)
    }
  }

  #tell(from: number, nowMs: number, event: ClaimEvent): void {
    for (const to of this.states.keys()) {
      this.#seed = (this.#seed * 1103515245 + 12345) % 2 ** 31
      if (to !== from && nowMs >= this.#devices[to]!.startMs)
        this.#late.push({ atMs: nowMs + (this.#seed % 300), to, event })
    }
  }
}
