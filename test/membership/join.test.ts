/** Devices that become members by a code, over real connections. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { EventData } from '../../interface/events.ts'
import { meets, startNode } from '../node/mesh-nodes.ts'

describe('a device with a code', () => {
  it('is a member once it has joined, meets the others, and both screens show one phrase', async () => {
    await using den = await startNode('den', [], { settings: { 'mesh.name': 'flat' } })
    await using attic = await startNode('attic')
    let used: EventData<'mesh.invite_used'> | undefined
    den.events.addEventListener('mesh.invite_used', event => {
      used = event.detail
    })

    const { code } = den.mesh.invite()
    const joined = await attic.mesh.join(code)
    await Promise.all([meets(den, attic), meets(attic, den)])

    assert.equal(joined.mesh, 'flat')
    assert.equal(joined.meshId, den.status().meshId)
    assert.deepEqual(used, { peerId: attic.peerId, name: 'attic', role: 'member', phrase: joined.phrase })
    assert.deepEqual(
      attic.mesh.members().map(({ name, role, online, self }) => [name, role, online, self]),
      [
        ['attic', 'member', true, true],
        ['den', 'admin', true, false]
      ]
    )
  })
})
