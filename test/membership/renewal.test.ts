/** Certificates of nodes that run for months, and of those that were off. */

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'vitest'
import type { LumosNode } from '../../interface/node.ts'
import { Calendar } from '../node/calendar.ts'
import { meets, startNode, temporaryHome, until } from '../node/mesh-nodes.ts'

const endOf = (node: LumosNode): number => node.mesh.info().expiresAtMs!

describe('a certificate', () => {
  it('is renewed while its node runs: first that of the root, then those it vouches for', async () => {
    const clock = new Calendar()
    await using den = await startNode('den', [], { clock })
    await using attic = await startNode('attic', [den], { clock })
    await Promise.all([meets(den, attic), meets(attic, den)])
    const before = { den: endOf(den), attic: endOf(attic) }

    clock.passDays(30)
    assert.deepEqual({ den: endOf(den), attic: endOf(attic) }, before)
    clock.passDays(35)
    await until(attic, 'manifest.updated', () => endOf(den) > before.den)
    // The admin's is fresh by the next day.
    clock.passDays(1)
    await until(den, 'manifest.updated', () => endOf(attic) > before.attic)
    assert.equal(den.mesh.members().find(({ name }) => name === 'attic')!.expiresAtMs, endOf(attic))
  })

  it('of the root is renewed at start, even if it has ended', async () => {
    const clock = new Calendar()
    const home = await temporaryHome()
    try {
      const den = await startNode('den', [], { clock, home })
      await den.stop({ drainMs: 0 })
      clock.passDays(100)
      await using back = await startNode('den', [], { clock, home })
      assert.equal(back.mesh.info().role, 'admin')
      assert.ok(back.mesh.invite().code)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})
