import assert from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../interface/clock.ts'
import type { LumosNode } from '../../interface/node.ts'
import { Calendar } from './calendar.ts'
import { knows, meets, startNode, until, waitFor } from './mesh-nodes.ts'

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

  it('and another one, a day wrong the other way, pair by code, answer each other, and renew', async () => {
    for (const hours of [24, -24]) {
      const ahead = new Calendar(hours * HOUR_MS)
      const behind = new Calendar(-hours * HOUR_MS)
      const settings = { 'engines.echo': true }
      await using den = await startNode('den', [], { settings, clock: ahead })
      await using attic = await startNode('attic', [], { settings, clock: behind })
      assert.equal((await attic.mesh.join(den.mesh.invite().code)).role, 'member')
      await Promise.all([meets(den, attic), meets(attic, den)])
      // Whose manifest came before its connection did is listed a moment later, which no event tells of.
      const offered = (node: LumosNode) => node.models().every(({ providers }) => providers.length === 2)
      await waitFor(() => offered(den) && offered(attic))
      const request = { model: 'echo', input: { messages: [{ role: 'user', content: 'hello' }] } }
      assert.ok((await Array.fromAsync(den.infer(request, { peer: 'attic' }))).length > 1)
      assert.ok((await Array.fromAsync(attic.infer(request, { peer: 'den' }))).length > 1)

      const first = attic.mesh.info().expiresAtMs!
      const firstOfDen = den.mesh.info().expiresAtMs!
      for (const clock of [ahead, behind]) clock.passDays(65)
      await until(attic, 'manifest.updated', () => den.mesh.info().expiresAtMs! > firstOfDen)
      assert.deepEqual([den.mesh.members().length, attic.mesh.members().length], [2, 2])
      // The admin's is fresh by the next day.
      for (const clock of [ahead, behind]) clock.passDays(1)
      await until(den, 'manifest.updated', () => attic.mesh.info().expiresAtMs! > first)
      assert.ok((await Array.fromAsync(attic.infer(request, { peer: 'den' }))).length > 1)
    }
  })

  it('founds a mesh that others with a right one can be members of', async () => {
    await using founder = await startNode('founder', [], { clock: wrongBy(-23 * HOUR_MS) })
    await using other = await startNode('other', [founder])
    await Promise.all([meets(founder, other), meets(other, founder)])
    expect(other.peers().map(({ name }) => name)).toEqual(['founder'])
  })
})
