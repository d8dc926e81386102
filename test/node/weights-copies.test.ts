/** Wanted copies, and models that the settings want, among real nodes. Each test goes on with what the one before left. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LumosNode } from '../../interface/node.ts'
import { encodeHeld } from '../../node/weights/transfer/claims.ts'
import { HostilePeer } from './hostile-peer.ts'
import { meets, startNode, temporaryHome, waitFor } from './mesh-nodes.ts'

const MIB = 1024 * 1024

async function importTo(node: LumosNode, name: string, bytes: number): Promise<string> {
  const path = join(await temporaryHome(), 'model.bin')
  await writeFile(path, randomBytes(bytes))
  return (await node.weights.import(path, { name })).cid
}

const holds = (node: LumosNode, name: string): boolean =>
  node.weights.list().some(({ model }) => model === name)
/** Jobs that make copies on this device. */
const copying = (node: LumosNode) => node.jobs.list().filter(({ kind }) => kind === 'model.replicate')

describe('copies in a mesh of an admin, a member and an edge board', () => {
  let den: Awaited<ReturnType<typeof startNode>>
  let attic: typeof den
  let board: typeof den

  beforeAll(async () => {
    den = await startNode('den', [], { settings: { access: { secret: { roles: ['admin'] } } } })
    attic = await startNode('attic', [den], { settings: { 'models.pinned': ['wanted'] } })
    // Room for 4 MiB of copies: a power of two.
    const settings = { 'weights.diskMax': '8MB' }
    board = await startNode('board', [den, attic], { role: 'edge', settings })
    await Promise.all([meets(den, attic), meets(den, board), meets(attic, board)])
  })
  afterAll(() => Promise.all([den, attic, board].map(node => node[Symbol.asyncDispose]())))

  it('are made by the devices themselves, on an edge board last', async () => {
    const cid = await importTo(den, 'tiny', 3 * MIB)
    expect(await den.weights.replicate('tiny', 2)).toEqual({ model: 'tiny', cid, copies: 2 })
    await waitFor(() => holds(attic, 'tiny'))
    // Each device that holds it remembers how many there are to be.
    assert.equal(attic.weights.show('tiny').copies, 2)
    assert.equal(copying(board).length, 0)
  })

  it('are said by admins and members alone, and not of what is not for everyone', async () => {
    await importTo(den, 'secret', MIB)
    await assert.rejects(den.weights.replicate('secret', 2), { code: 'INVALID_INPUT' })
    await assert.rejects(board.weights.replicate('tiny', 2), { code: 'DENIED' })
  })

  it('are not made of a model that the settings of one device want: that one fetches it', async () => {
    await importTo(den, 'wanted', MIB)
    await waitFor(() => holds(attic, 'wanted'))
    assert.equal(attic.jobs.list().at(-1)!.kind, 'model.pull')
    assert.equal(holds(board, 'wanted'), false)
  })

  it('are made anew when a holder was removed from the mesh, and the owner of a device may refuse them', async () => {
    await den.mesh.revoke(attic.peerId)
    await waitFor(() => holds(board, 'tiny'))
    assert.equal(holds(attic, 'tiny'), true)
    await board.weights.remove('tiny')
    await importTo(den, 'other', MIB)
    await den.weights.replicate('other', 2)
    await waitFor(() => holds(board, 'other'))
    assert.equal(holds(board, 'tiny'), false)
    await board.weights.remove('other')
  })

  it('are stated by members alone, and take no more of a disk than it has for copies', async () => {
    const cid = await importTo(den, 'large', 5 * MIB)
    const part = encodeHeld([], false, {
      wanted: [{ cid, name: 'large', bytes: 1, copies: 2, atMs: Date.now() }]
    })!
    for (const role of ['edge', 'guest', 'member'] as const) {
      const peer = await HostilePeer.member(den, role)
      await peer.hello(await peer.dial(board), await peer.sealed({ parts: { weights: part } }))
      await waitFor(() => board.mesh.members().some(({ peerId, online }) => peerId === peer.peerId && online))
      if (role !== 'member') assert.equal(board.weights.copiesOf('large'), null)
      await peer[Symbol.asyncDispose]()
    }
    await waitFor(() => copying(board).some(({ state }) => state === 'failed'))
    const failed = copying(board).find(({ state }) => state === 'failed')!
    expect(board.jobs.get(failed.id).error).toMatchObject({ code: 'WEIGHTS_FULL' })
    assert.deepEqual(board.weights.list(), [])
  })
})
