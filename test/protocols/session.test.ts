import { describe, expect, it } from 'vitest'
import { type LumosError, TimeoutError } from '../../interface/errors.ts'
import type { FrameStream } from '../../protocols/wire/frames.ts'
import { Session } from '../../protocols/wire/session.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

/** A session of a peer that takes all and says nothing. */
function silentSession() {
  const clock = new ManualClock()
  let lost: Error | undefined
  const frames = {
    take: () => undefined,
    read: () => new Promise<never>(() => {}),
    writeAll: () => undefined,
    flush() {},
    abort(err: Error) {
      lost = err
    },
    async close() {}
  } as unknown as FrameStream
  const session = new Session(frames, clock)
  const expired: [budgetMs: number, atMs: number][] = []
  const call = (budgetMs: number): number => {
    let own = 0
    own = session.begin({
      deadlineMs: clock.monotonicMs() + budgetMs,
      onMessage: () => undefined,
      onLost() {},
      onExpired() {
        expired.push([budgetMs, clock.monotonicMs()])
        session.cancel(own)
      }
    })
    return own
  }
  return { clock, session, expired, call, lost: () => lost as LumosError | undefined }
}

describe('the calls of one session with a silent peer', () => {
  it('expire each at its own time, one after the other', () => {
    const { clock, expired, call } = silentSession()
    for (const budgetMs of [300, 50, 200, 50]) call(budgetMs)
    clock.advance(1000)
    expect(expired).toEqual([
      [50, 50],
      [50, 50],
      [200, 200],
      [300, 300]
    ])
  })

  it('expire too when they begin after others have', () => {
    const { clock, expired, call } = silentSession()
    call(50)
    clock.advance(60)
    call(100)
    clock.advance(99)
    expect(expired).toEqual([[50, 50]])
    clock.advance(1)
    expect(expired).toEqual([
      [50, 50],
      [100, 160]
    ])
  })

  it('are all lost when one that was cancelled is not ended within 30 s', () => {
    const { clock, session, call, lost } = silentSession()
    call(50)
    call(120_000)
    clock.advance(50 + 29_999)
    expect(session.usable).toBe(true)
    clock.advance(1)
    expect(lost()).toMatchObject({ code: 'SLOW_PEER' })
    expect(session.usable).toBe(false)
    expect(clock.timers).toBe(0)
  })

  it('hold no timer once the session is aborted', () => {
    const { clock, session, call } = silentSession()
    call(50)
    session.abort(new TimeoutError('given up'))
    expect(clock.timers).toBe(0)
  })
})
