import { describe, expect, it } from 'vitest'
import { Lanes } from '../../protocols/wire/lanes.ts'
import type { Session } from '../../protocols/wire/session.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

/** A second under a minute, after which an idle lane is closed. */
const NEARLY_MS = 59_000

function lanesOf(lanesMax: number) {
  const clock = new ManualClock()
  const closed: number[] = []
  let opened = 0
  const lanes = new Lanes({
    clock,
    lanesMax,
    async open(onClosed) {
      const number = ++opened
      const lane = {
        usable: true,
        async close() {
          closed.push(number)
          onClosed(lane)
        }
      } as Session
      return lane
    }
  })
  return { clock, closed, lanes, opened: () => opened }
}

describe('the lanes to a peer', () => {
  it('let 64 calls wait, and refuse the 65th with a time to come back', async () => {
    const { lanes } = lanesOf(1)
    const lane = await lanes.acquire()
    const waiting = Array.from({ length: 64 }, () => lanes.acquire())
    await expect(lanes.acquire()).rejects.toMatchObject({
      code: 'OVERLOADED',
      details: { retryAfterMs: 500 }
    })

    lanes.release(lane)
    expect(await waiting[0]).toBe(lane)
    // One place is free again, and only one.
    waiting.push(lanes.acquire())
    await expect(lanes.acquire()).rejects.toMatchObject({ code: 'OVERLOADED' })
    for (const next of waiting.slice(1)) {
      lanes.release(lane)
      expect(await next).toBe(lane)
    }
  })

  it('give a place back when whoever waits leaves', async () => {
    const { lanes } = lanesOf(1)
    await lanes.acquire()
    const leaving = new AbortController()
    const waiting = Array.from({ length: 64 }, (_, i) =>
      lanes.acquire(i === 10 ? { signal: leaving.signal } : {})
    )
    leaving.abort()
    await expect(waiting[10]).rejects.toMatchObject({ code: 'CANCELLED' })
    const rest = [...waiting.filter((_, i) => i !== 10), lanes.acquire()]
    const ends = Promise.allSettled(rest)
    await lanes.close()
    expect(new Set((await ends).map(({ status }) => status))).toEqual(new Set(['rejected']))
  })

  it('are closed a minute after their last call, each in its turn', async () => {
    const { clock, closed, lanes, opened } = lanesOf(2)
    const [first, second] = [await lanes.acquire(), await lanes.acquire()]
    lanes.release(first)
    clock.advance(30_000)
    lanes.release(second)
    clock.advance(29_999)
    expect(closed).toEqual([])
    clock.advance(1)
    expect(closed).toEqual([1])
    clock.advance(29_999)
    expect(closed).toEqual([1])
    clock.advance(1)
    expect(closed).toEqual([1, 2])

    // And again, with those that are opened after all were closed.
    lanes.release(await lanes.acquire())
    expect(opened()).toBe(3)
    clock.advance(NEARLY_MS)
    lanes.release(await lanes.acquire())
    clock.advance(NEARLY_MS)
    expect(closed).toEqual([1, 2])
    clock.advance(1000)
    expect(closed).toEqual([1, 2, 3])
  })
})
