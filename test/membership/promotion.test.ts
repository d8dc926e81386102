/** Members that are made admins in place: connected, away, and in the eyes of the others. */

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'vitest'
import type { LumosNode } from '../../interface/node.ts'
import { loses, meets, startNode, temporaryHome, until } from '../node/mesh-nodes.ts'

const roleOf = (seenBy: LumosNode, node: LumosNode) =>
  seenBy.mesh.members().find(({ peerId }) => peerId === node.peerId)?.role

/** The new manifest of the promoted device carries its certificate to everybody. */
const sees = (seenBy: LumosNode, node: LumosNode, role: string) =>
  until(seenBy, 'manifest.updated', () => roleOf(seenBy, node) === role)

describe('a member that is promoted', () => {
  it('is an admin on every device, may invite, and stays one after a restart', async () => {
    await using den = await startNode('den')
    await using cellar = await startNode('cellar', [den])
    const home = await temporaryHome()
    try {
      const attic = await startNode('attic', [den, cellar], { home })
      await Promise.all([meets(den, attic), meets(cellar, attic), meets(den, cellar)])
      assert.throws(() => attic.mesh.invite(), { code: 'NOT_ADMIN' })
      const count = () => {
        const { members, admins } = den.mesh.info()
        return { members, admins }
      }
      assert.deepEqual(count(), { members: 3, admins: 1 })
      assert.match(den.mesh.info().advice.join(), /Only one device is an admin/)

      const promoted = await den.mesh.promote('attic')
      assert.deepEqual([promoted.role, promoted.online], ['admin', true])
      await Promise.all([sees(den, attic, 'admin'), sees(cellar, attic, 'admin')])
      assert.equal(attic.mesh.info().role, 'admin')
      assert.deepEqual(count(), { members: 3, admins: 2 })
      assert.deepEqual(den.mesh.info().advice, [])
      assert.match(attic.mesh.invite().code, /^lumos:/)
      assert.equal((await den.mesh.promote('attic')).role, 'admin')

      await attic.stop({ drainMs: 0 })
      await using again = await startNode('attic', [den, cellar], { home })
      assert.equal(again.mesh.info().role, 'admin')
      // Whom it lets in is a member for those that have never met the device before.
      await using loft = await startNode('loft')
      await loft.mesh.join(again.mesh.invite().code)
      await Promise.all([meets(cellar, loft), meets(den, loft)])
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })

  it('while it is away learns of it when it comes back', async () => {
    const home = await temporaryHome()
    await using den = await startNode('den')
    try {
      const attic = await startNode('attic', [den], { home })
      await Promise.all([meets(den, attic), meets(attic, den)])
      await attic.stop({ drainMs: 0 })
      await loses(den, attic)

      const promoted = await den.mesh.promote('attic')
      assert.deepEqual([promoted.role, promoted.online], ['admin', false])
      await using again = await startNode('attic', [den], { home })
      await sees(den, again, 'admin')
      await until(den, 'manifest.updated', () => again.mesh.info().role === 'admin')
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })

  it('must be a member, and whoever promotes it must hold the root key', async () => {
    await using den = await startNode('den')
    await using cellar = await startNode('cellar', [den], { role: 'admin' })
    await using attic = await startNode('attic', [den])
    await Promise.all([meets(cellar, den), meets(attic, den)])
    await assert.rejects(den.mesh.promote('nobody'), { code: 'PEER_NOT_FOUND' })
    await assert.rejects(cellar.mesh.promote('attic'), { code: 'NOT_ADMIN' })
    await assert.rejects(attic.mesh.promote('attic'), { code: 'NOT_ADMIN' })
  })
})
