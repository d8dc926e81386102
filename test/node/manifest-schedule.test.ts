import { describe, expect, it } from 'vitest'
import { newPulls, type PullEvent, stepPulls } from '../../node/manifests/manifest-schedule.ts'

const PEERS = Array.from({ length: 20 }, (_, peer) => peer)
/** That gossip lost it, and that it was on its way. */
const LATE: PullEvent<number> = { type: 'pulled', ageMs: 2000 }
const YOUNG: PullEvent<number> = { type: 'pulled', ageMs: 1999 }

/** The seconds at which peers are asked, and how many: events are of the second after which they come. */
function roundsOf(seconds: number, events: Record<number, PullEvent<number>>): [number, number][] {
  const state = newPulls()
  const rounds: [number, number][] = []
  for (let second = 1; second <= seconds; second++) {
    const { effects } = stepPulls(state, { type: 'tick', peers: PEERS }, second * 1000, () => 0.5)
    if (effects.length > 0) rounds.push([second, effects.length])
    const event = events[second]
    if (event !== undefined) stepPulls(state, event, second * 1000, () => 0.5)
  }
  return rounds
}

describe('the rounds of pulls', () => {
  it('come each minute, and ask three peers', () => {
    expect(roundsOf(125, {})).toEqual([60, 120].map(second => [second, 3]))
  })

  it.each<[string, PullEvent<number>]>([
    ['a hello', { type: 'met' }],
    ['what gossip has lost', LATE]
  ])('come soon after %s, and more than once, since gossip may not be up yet', (_, event) => {
    const soon = [11, 14, 23, 50].map(second => [second, 8])
    expect(roundsOf(110, { 10: event })).toEqual([...soon, [110, 3]])
  })

  it('begin anew with another hello', () => {
    const soon = [11, 14, 16, 19, 28, 55].map(second => [second, 8])
    expect(roundsOf(60, { 10: { type: 'met' }, 15: { type: 'met' } })).toEqual(soon)
  })

  it('are not more for what was only on its way', () => {
    expect(roundsOf(61, { 10: YOUNG })).toEqual([[60, 3]])
  })
})
