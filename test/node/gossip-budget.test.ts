import { beforeEach, describe, expect, it } from 'vitest'
import { GossipBudget } from '../../node/gossip-budget.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

describe('the gossip that is heard of a peer', () => {
  let clock: ManualClock
  let budget: GossipBudget
  beforeEach(() => {
    clock = new ManualClock()
    budget = new GossipBudget({ clock, onExcess() {} })
  })
  const heard = (peer: string, times: number): number =>
    Array.from({ length: times }, () => budget.spend(peer, 1)).filter(Boolean).length

  it('is all the manifests of the largest mesh at once, then two hundred a second', () => {
    expect(heard('a', 6000)).toBe(5000)
    clock.advance(1000)
    expect(heard('a', 6000)).toBe(200)
    clock.advance(3_600_000)
    expect(heard('a', 6000)).toBe(5000)
  })

  it('is counted for each peer apart, and is not forgotten for a thousand others', () => {
    expect(heard('a', 5001)).toBe(5000)
    for (let i = 0; i < 1023; i++) expect(heard(`peer ${i}`, 1)).toBe(1)
    expect(heard('a', 1)).toBe(0)
  })

  it('is dropped whole when it is too much, and less may still be said', () => {
    expect(budget.spend('a', 4999)).toBe(true)
    expect(budget.spend('a', 2)).toBe(false)
    expect(budget.spend('a', 1)).toBe(true)
  })
})
