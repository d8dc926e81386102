/** Devices that ask to join without a code, and people who compare what both screens show. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { Asking, FoundMesh, JoinRequest } from '../../interface/mesh.ts'
import type { LumosNode } from '../../interface/node.ts'
import { meets, startNode, until } from '../node/mesh-nodes.ts'

/** Asks, and the phrase that its screen shows once the other side has answered. */
function asks(node: LumosNode) {
  const { promise: asking, resolve } = Promise.withResolvers<Asking>()
  const joining = node.mesh.joinNearby({ onAsking: resolve })
  joining.catch(() => {})
  return { asking, joining }
}

const requested = (node: LumosNode): Promise<JoinRequest> =>
  new Promise(resolve =>
    node.events.addEventListener('mesh.join_requested', ({ detail }) => resolve(detail), { once: true })
  )

async function strangers() {
  const den = await startNode('den', [], { settings: { 'mesh.name': 'flat' } })
  const attic = await startNode('attic', [], { settings: { 'swarm.peers': den.status().addresses } })
  await until(attic, 'mesh.seen', () => attic.mesh.nearby().length === 1)
  return { den, attic }
}

describe('a device that asks', () => {
  it.concurrent('is a member once an admin has said so; both screens show one phrase', async () => {
    const found = await strangers()
    await using den = found.den
    await using attic = found.attic
    assert.deepEqual(attic.mesh.nearby(), [
      { mesh: 'flat', meshId: den.status().meshId, devices: [den.peerId] }
    ])
    den.mesh.listen()
    const request = requested(den)
    const { asking, joining } = asks(attic)

    assert.equal((await asking).phrase, (await request).phrase)
    assert.deepEqual(den.mesh.requests(), [await request])
    assert.equal(den.mesh.approve('attic', { role: 'guest' }).peerId, attic.peerId)
    assert.deepEqual(den.mesh.requests(), [])
    const joined = await joining
    assert.deepEqual([joined.mesh, joined.role, joined.phrase], ['flat', 'guest', (await asking).phrase])
    await Promise.all([meets(den, attic), meets(attic, den)])
  })

  it.concurrent('is heard by nobody who has not said that they listen, and then within seconds', async () => {
    const found = await strangers()
    await using den = found.den
    await using attic = found.attic
    const { joining } = asks(attic)
    assert.throws(() => den.mesh.approve('attic'), { code: 'PEER_NOT_FOUND' })
    const request = requested(den)
    den.mesh.listen()
    await request
    den.mesh.approve(attic.peerId)
    assert.equal((await joining).mesh, 'flat')
  })

  it.concurrent('stays out when it is turned away, and cannot ask for another phrase', async () => {
    const found = await strangers()
    await using den = found.den
    await using attic = found.attic
    den.mesh.listen()
    const request = requested(den)
    const { joining } = asks(attic)
    await request
    den.mesh.deny('attic')
    await assert.rejects(joining, { code: 'DENIED' })
    assert.deepEqual([den.mesh.members().length, den.mesh.requests()], [1, []])
    assert.equal(attic.mesh.info().members, 1)
  })

  it.concurrent('may ask before it has seen the mesh, and hears which one it asks before any admin has decided', async () => {
    await using den = await startNode('den', [], { settings: { 'mesh.name': 'flat' } })
    await using attic = await startNode('attic', [], { settings: { 'swarm.peers': den.status().addresses } })
    assert.deepEqual(attic.mesh.nearby(), [])
    const found = Promise.withResolvers<FoundMesh>()
    const joining = attic.mesh.joinNearby({ onFound: found.resolve })
    assert.deepEqual(await found.promise, { mesh: 'flat', meshId: den.status().meshId })
    const request = requested(den)
    den.mesh.listen()
    await request
    den.mesh.approve('attic')
    await joining
    // What is asked next finds the member that let it in.
    assert.deepEqual(
      attic.peers().map(({ name }) => name),
      ['den']
    )
  })

  it.concurrent('by a code is connected to the member that let it in once it has joined', async () => {
    await using den = await startNode('den')
    await using attic = await startNode('attic')
    await attic.mesh.join(den.mesh.invite().code)
    assert.deepEqual(
      attic.peers().map(({ name }) => name),
      ['den']
    )
  })

  it.concurrent('is told after ten seconds when nobody is near, and may give up', {
    timeout: 90_000
  }, async () => {
    const found = await strangers()
    await using den = found.den
    await using attic = found.attic
    await assert.rejects(den.mesh.joinNearby({ mesh: 'no such mesh' }), { code: 'PEER_NOT_FOUND' })
    const giveUp = new AbortController()
    const joining = attic.mesh.joinNearby({ signal: giveUp.signal })
    giveUp.abort(new Error('enough'))
    await assert.rejects(joining)
    await attic.mesh.join(den.mesh.invite().code)
  })
})
