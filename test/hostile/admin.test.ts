/** What an admin that turned hostile, and a member that lies about a removal, can do: nothing that lasts. */

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { LumosNode } from '../../interface/node.ts'
import { exchangeHello, HELLO_PROTOCOL } from '../../protocols/hello/index.ts'
import { openManifest } from '../../protocols/manifest/index.ts'
import { usurper } from '../../sim/hostile/usurper.ts'
import { HostilePeer, listeningLog } from '../node/hostile-peer.ts'
import { meets, startNode, temporaryHome, until } from '../node/mesh-nodes.ts'
import { becomes } from './measures.ts'

const AGREED_MS_MAX = 5000
const FLOODED_MS_MAX = 60_000

const names = (node: LumosNode) => node.mesh.members().map(({ name }) => name)

describe('an admin that floods the mesh with revocations and made-up members', () => {
  it(
    'is heard of, removed by the root, and gone everywhere within five seconds',
    async () => {
      await using den = await startNode('den')
      await using attic = await startNode('attic', [den])
      await using cellar = await startNode('cellar', [den, attic])
      await Promise.all([meets(den, attic), meets(den, cellar), meets(attic, cellar)])
      await using admin = await HostilePeer.member(den, 'admin')
      const full = [den, attic, cellar].map(node =>
        until(
          node,
          'mesh.admin_room_full',
          data => data?.peerId === admin.peerId && data.room === 'revocations'
        )
      )
      const stopped = new AbortController()
      const attack = usurper({
        ...{ peer: admin, victims: () => [den, attic, cellar], random: Math.random },
        ...{ signal: stopped.signal, clock: systemClock, did() {} }
      })
      try {
        await Promise.all(full)
        assert.ok([den, attic, cellar].every(node => names(node).some(name => name.startsWith('made-up'))))

        // It goes on while it is removed.
        const beganMs = systemClock.monotonicMs()
        await den.mesh.revoke(admin.peerId)
        await becomes('all agree on who is a member', AGREED_MS_MAX, () =>
          [den, attic, cellar].every(node => names(node).join() === 'attic,cellar,den')
        )
        console.log(`gone everywhere after ${Math.round(systemClock.monotonicMs() - beganMs)} ms`)
      } finally {
        stopped.abort()
        await attack
      }
      await using fresh = await startNode('fresh', [den])
      await meets(den, fresh)
    },
    FLOODED_MS_MAX + 30_000
  )
})

describe('a member that says that another one was removed', () => {
  it('is named as the one that says so, and is not believed', async () => {
    const { log, saw } = listeningLog()
    await using den = await startNode('den')
    await using attic = await startNode('attic', [den], { log })
    await meets(den, attic)
    await using liar = await HostilePeer.member(den)
    const manifest = await openManifest(await liar.sealed())
    await liar.hello(await liar.dial(attic), await liar.sealed())
    const connection = await liar.dial(attic)
    await assert.rejects(
      exchangeHello(await connection.newStream(HELLO_PROTOCOL), attic.peerId, {
        ...{
          own: { version: 1, mesh: liar.mesh, meshName: 'home', meshNamedAtMs: 0, revocationsDigest: '' }
        },
        ...{ certificates: liar.certificates, manifest },
        judge: async () => {
          throw new LumosError('PEER_REVOKED', 'You were removed.')
        }
      }),
      { code: 'PEER_REVOKED' }
    )
    await saw('PEER_REVOKED')
    const { role, advice } = attic.mesh.info()
    assert.equal(role, 'member')
    assert.ok(
      advice.some(text => text.startsWith('"hostile" says that this device was removed')),
      advice.join()
    )
    assert.ok(!advice.some(text => text.includes('--new-identity')))
  })

  it('is believed when it shows the signed revocation', async () => {
    await using den = await startNode('den')
    const home = await temporaryHome()
    try {
      const before = await startNode('attic', [den], { home })
      await meets(den, before)
      await before.stop({ drainMs: 0 })
      await den.mesh.revoke('attic')
      await using attic = await startNode('attic', [den], { home })
      await until(attic, 'mesh.member_revoked', data => data?.peerId === attic.peerId)
      assert.match(attic.mesh.info().advice.join(), /--new-identity/)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})

describe('members that an admin had let in which is removed while no other admin is on', () => {
  it('do not shut each other out, hear of the removal, and are renewed by the next admin', async () => {
    const homes = { root: await temporaryHome(), carl: await temporaryHome() }
    try {
      const { log, codes } = listeningLog()
      const refusals = () => codes.filter(code => code === 'CERTIFICATE_INVALID').length
      {
        await using root = await startNode('root', [], { home: homes.root })
        await using dora = await startNode('dora', [root], { log })
        await using bob = await startNode('bob', [root, dora], { role: 'admin' })
        await Promise.all([meets(root, bob), meets(dora, bob), meets(dora, root)])
        const carl = await startNode('carl', [], { home: homes.carl })
        await carl.mesh.join(bob.mesh.invite().code)
        await Promise.all([meets(bob, carl), meets(root, carl), meets(dora, carl)])
        await carl.stop({ drainMs: 0 })
        await root.mesh.revoke('bob')
        await until(dora, 'mesh.member_revoked', () => !names(dora).includes('bob'))
        await root.stop({ drainMs: 0 })

        // It comes back, and meets one that knows better.
        await using back = await startNode('carl', [dora], { home: homes.carl })
        await until(back, 'mesh.member_revoked', () => !names(back).includes('bob'))
        await becomes('it was refused three times', 20_000, () => refusals() >= 3)
        await using admin = await startNode('root', [dora, back], { home: homes.root })
        // It becomes a member again on connections that are open already, of which no event tells.
        const all = [admin, back, dora]
        await becomes('all are members to each other again', 20_000, () =>
          all.every(node => node.peers().length === 2 && names(node).join() === 'carl,dora,root')
        )
        assert.ok(!codes.includes('PEER_BANNED'), 'nobody was shut out')
      }
    } finally {
      for (const home of Object.values(homes)) await rm(home, { recursive: true, force: true })
    }
  }, 60_000)
})
