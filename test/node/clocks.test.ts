import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../interface/clock.ts'
import { knows, meets, startNode } from './mesh-nodes.ts'

const HOUR_MS = 3600 * 1000

/** The same time for durations, and another one on the wall. */
const wrongBy = (ms: number): Clock => ({ ...systemClock, wallMs: () => systemClock.wallMs() + ms })

describe('a device whose clock is wrong', () => {
  it.each([-24, -1, 1, 24])('by %i hours drops no member, and no member drops it', async hours => {
    const settings = { 'engines.echo': true }
    await using founder = await startNode('founder', [], { settings })
    await using other = await startNode('other', [founder], { settings, clock: wrongBy(hours * HOUR_MS) })
    await Promise.all([
      meets(founder, other),
      meets(other, founder),
      knows(founder, other),
      knows(other, founder)
    ])
    const request = { model: 'echo', input: { messages: [{ role: 'user', content: 'what time is it?' }] } }
    expect(await Array.fromAsync(founder.infer(request, { peer: 'other' }))).toHaveLength(5)
    expect(await Array.fromAsync(other.infer(request, { peer: 'founder' }))).toHaveLength(5)
  })

  it('founds a mesh that others with a right one can be members of', async () => {
    await using founder = await startNode('founder', [], { clock: wrongBy(-23 * HOUR_MS) })
    await using other = await startNode('other', [founder])
    await Promise.all([meets(founder, other), meets(other, founder)])
    expect(other.peers().map(({ name }) => name)).toEqual(['founder'])
  })
})
