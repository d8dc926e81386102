import { describe, expect, it } from 'vitest'
import type { SignedManifest } from '../../interface/manifest.ts'
import { EPOCHS_PER_RUN_MAX, OwnLife } from '../../node/manifests/own-life.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const signed = (epoch: number, sequence: number, hash = 'own', issuedAtMs = 0) =>
  ({ manifest: { epoch, sequence, issuedAtMs }, hash }) as SignedManifest

describe('a home that is shown manifests of its own device', () => {
  const seen = (...shown: SignedManifest[]) => {
    const current = signed(5, 5)
    const renewed: number[] = []
    let copies = 0
    const life = new OwnLife({
      clock: new ManualClock(),
      log: { debug() {}, info() {}, warn() {}, error() {} },
      current: () => current,
      renew(above) {
        renewed.push(above)
        return above + 1
      },
      onCopy: () => copies++
    })
    for (const one of shown) life.see(one)
    return { renewed, copies, wasBehind: life.wasBehind }
  }

  it('takes no epoch for its own, nor for older ones', () => {
    expect(seen(signed(5, 5), signed(5, 4, 'other'), signed(4, 9, 'other'))).toMatchObject({
      renewed: [],
      wasBehind: false
    })
  })

  it('takes one later epoch for a later number, or another content under its number, however often it comes', () => {
    expect(seen(signed(5, 6, 'x'), signed(5, 6, 'x')).renewed).toEqual([5])
    expect(seen(signed(5, 5, 'x')).renewed).toEqual([5])
    expect(seen(signed(9, 1, 'x'), signed(5, 7, 'y')).renewed).toEqual([9])
  })

  it('takes few in one run, and none that leaves no later one', () => {
    const endless = Array.from({ length: 20 }, (_, i) => signed(10 * (i + 1), 1, 'x'))
    expect(seen(...endless).renewed).toHaveLength(EPOCHS_PER_RUN_MAX)
    expect(seen(signed(Number.MAX_SAFE_INTEGER, 1, 'x')).renewed).toEqual([])
  })

  it('is told of a copy only by what was signed while it runs', () => {
    expect(seen(signed(5, 6, 'x', 0)).copies).toBe(0)
    expect(seen(signed(5, 6, 'x', 1)).copies).toBe(1)
  })
})
