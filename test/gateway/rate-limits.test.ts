import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { describe, it } from 'vitest'
import { RateLimits } from '../../gateway/rate-limits.ts'
import { LumosError } from '../../interface/errors.ts'
import type { Caller } from '../../interface/units.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const from = (remoteAddress: string) => ({ socket: { remoteAddress } }) as unknown as IncomingMessage
const HOLDER: Caller = { origin: 'tcp', permissions: ['read'] }
const PROGRAM: Caller = { ...HOLDER, token: 'notebook' }
const GUESS = new LumosError('UNAUTHENTICATED', 'wrong')

function setUp() {
  const clock = new ManualClock()
  const limits = new RateLimits(clock)
  /** How many of `count` are let through to what `admitted` says. */
  const passed = (address: string, admitted: Caller | LumosError, count: number) =>
    Array.from({ length: count }, () => limits.refusalOf(from(address), admitted)).filter(
      refused => refused?.code !== 'RATE_LIMITED'
    ).length
  return { clock, limits, passed }
}

describe('rate limits', () => {
  it('hold a named token to 1000 at once and 100 a second, and say when to come back', () => {
    const { clock, limits, passed } = setUp()
    assert.equal(passed('127.0.0.1', PROGRAM, 1200), 1000)
    assert.deepEqual(limits.refusalOf(from('127.0.0.1'), PROGRAM)?.details, { retryAfterMs: 10 })
    // Another token, and the owner's own programs, are not held up by it.
    assert.equal(passed('127.0.0.1', { ...PROGRAM, token: 'other' }, 10), 10)
    assert.equal(passed('127.0.0.1', HOLDER, 20_000), 20_000)
    clock.advance(2000)
    assert.equal(passed('127.0.0.1', PROGRAM, 1000), 200)
  })

  it('hold each other device, a network of IPv6 as one, whatever it shows', () => {
    const { passed } = setUp()
    assert.equal(passed('192.168.1.2', HOLDER, 1200), 1000)
    assert.equal(passed('192.168.1.3', HOLDER, 10), 10)
    assert.equal(passed('2001:db8::1', HOLDER, 600), 600)
    assert.equal(passed('2001:db8:0:0:ffff::2', HOLDER, 600), 400)
    assert.equal(passed('2001:db8:0:1::1', HOLDER, 10), 10)
  })

  it('slow guesses down, and lock out no program of the same address that shows a right token', () => {
    const { clock, limits, passed } = setUp()
    assert.equal(passed('127.0.0.1', GUESS, 1000), 256)
    assert.equal(limits.refusalOf(from('127.0.0.1'), GUESS)?.details.retryAfterMs, 1000)
    assert.equal(passed('127.0.0.1', HOLDER, 100), 100)
    assert.equal(passed('127.0.0.1', PROGRAM, 100), 100)
    clock.advance(3000)
    assert.equal(passed('127.0.0.1', GUESS, 10), 3)
  })

  it('remember a bounded number of addresses', () => {
    const { passed } = setUp()
    assert.equal(passed('10.0.0.1', GUESS, 300), 256)
    for (let n = 0; n < 1024; n++) passed(`10.1.${n >> 8}.${n & 255}`, GUESS, 1)
    assert.equal(passed('10.0.0.1', GUESS, 300), 256)
  })
})
