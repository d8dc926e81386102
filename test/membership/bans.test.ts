import { describe, expect, it } from 'vitest'
import { Bans, FORGERY, LOITERING } from '../../node/membership/bans.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const MINUTE_MS = 60_000
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS

/** How long the peer is shut out, to the minute. */
function servedMs(bans: Bans, clock: ManualClock, peer: string): number {
  const beganMs = clock.monotonicMs()
  while (bans.isBanned(peer)) clock.advance(MINUTE_MS)
  return clock.monotonicMs() - beganMs
}

describe('a ban', () => {
  it('comes with the second broken rule, not the first', () => {
    const bans = new Bans(FORGERY, new ManualClock())
    expect(bans.strike('a')).toBe(false)
    expect(bans.isBanned('a')).toBe(false)
    expect(bans.strike('a')).toBe(true)
    expect(bans.isBanned('a')).toBe(true)
    expect(bans.isBanned('b')).toBe(false)
  })

  it('doubles each time, up to a week', () => {
    const clock = new ManualClock()
    const bans = new Bans(FORGERY, clock)
    const terms = Array.from({ length: 12 }, () => {
      bans.strike('a')
      bans.strike('a')
      return servedMs(bans, clock, 'a')
    })
    expect(terms.slice(0, 4)).toEqual([10, 20, 40, 80].map(minutes => minutes * MINUTE_MS))
    expect(terms.slice(-2)).toEqual([WEEK_MS, WEEK_MS])
  })

  it('is remembered for a bounded number of peers', () => {
    const bans = new Bans(FORGERY, new ManualClock())
    const twice = (peer: string) => {
      bans.strike(peer)
      bans.strike(peer)
    }
    twice('first')
    for (let i = 0; i < 1023; i++) twice(`peer ${i}`)
    expect(bans.isBanned('first')).toBe(true)
    twice('one more')
    expect(bans.isBanned('first')).toBe(false)
    expect(bans.isBanned('one more')).toBe(true)
  })

  it('for loitering comes with the fifth failure within a minute, and not when they are further apart', () => {
    const clock = new ManualClock()
    const bans = new Bans(LOITERING, clock)
    for (let i = 0; i < 20; i++) {
      expect(bans.strike('patient')).toBe(false)
      clock.advance(15_001)
    }
    expect([1, 2, 3, 4, 5].map(() => bans.strike('hasty'))).toEqual([false, false, false, false, true])
  })
})
