/** Devices that are removed, that leave, and a mesh whose last admin is lost. */

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import type { LumosError } from '../../interface/errors.ts'
import type { LumosNode } from '../../interface/node.ts'
import { knows, loses, meets, startNode, temporaryHome, until, waitFor } from '../node/mesh-nodes.ts'

const ECHO = { settings: { 'engines.echo': true } }
/** From the command until no other node serves or lists the device. */
const CUT_OFF_MS_MAX = 5000
const HEALED_MS_MAX = 30_000

const ask = async (node: LumosNode, peer: LumosNode, text: string): Promise<string> => {
  const content = { messages: [{ role: 'user', content: text }] }
  let answer = ''
  for await (const chunk of node.infer(
    { model: 'echo', task: 'text-generation', input: content },
    { peer: peer.peerId }
  )) {
    if (chunk.type === 'text') answer += chunk.text
  }
  return answer
}

describe('a device that is removed', () => {
  it('is cut off everywhere within 5 s, in the middle of an answer too, and stays out', async () => {
    await using den = await startNode('den', [], ECHO)
    await using cellar = await startNode('cellar', [den], ECHO)
    await using attic = await startNode('attic', [den, cellar])
    await Promise.all([meets(den, attic), meets(cellar, attic), knows(attic, den), knows(attic, cellar)])
    assert.equal(await ask(attic, cellar, 'still here'), 'still here')
    const removed: unknown[] = []
    cellar.events.addEventListener('mesh.member_revoked', ({ detail }) => removed.push(detail))

    // Far more words than all buffers on the way hold, and nobody reads them.
    const input = { messages: [{ role: 'user', content: 'many words '.repeat(50_000) }] }
    const answer = attic
      .infer(
        { model: 'echo', task: 'text-generation', input, params: { maxTokens: 100_000 } },
        { peer: cellar.peerId }
      )
      [Symbol.asyncIterator]()
    await answer.next()

    const beganMs = systemClock.monotonicMs()
    await den.mesh.revoke('attic')
    await Promise.all([loses(den, attic), loses(cellar, attic)])
    assert.ok(systemClock.monotonicMs() - beganMs < CUT_OFF_MS_MAX)

    await assert.rejects(async () => {
      for (;;) if ((await answer.next()).done) return
    })
    await assert.rejects(ask(attic, cellar, 'once more'))
    assert.deepEqual(removed, [{ peerId: attic.peerId, name: 'attic' }])
    assert.deepEqual(
      cellar.mesh.members().map(({ name }) => name),
      ['cellar', 'den']
    )
    // Its key is burnt: no code lets it in again.
    const { code } = den.mesh.invite()
    await until(attic, 'peer.left', () => attic.peers().length === 0)
    await attic.mesh.leave()
    await assert.rejects(attic.mesh.join(code), { code: 'PEER_REVOKED', hint: /leave --new-identity/ })

    // Nor is the invitation spent: as a new device it is let in.
    const before = attic.peerId
    const { deviceName, members } = await attic.mesh.leave({ newIdentity: true })
    assert.deepEqual([deviceName, members], ['attic', 1])
    assert.notEqual(attic.peerId, before)
    assert.equal((await attic.mesh.join(code)).role, 'member')
    await Promise.all([meets(den, attic), meets(attic, den)])
    assert.equal(await ask(attic, den, 'as a new device'), 'as a new device')
    assert.ok(den.mesh.members().every(({ peerId }) => peerId !== before))
  })

  it('hears that it was removed when it comes back, and only that, and keeps its new key', async () => {
    const home = await temporaryHome()
    try {
      await using den = await startNode('den', [], ECHO)
      const attic = await startNode('attic', [den], { home })
      await Promise.all([meets(den, attic), meets(attic, den)])
      await attic.stop({ drainMs: 0 })
      await den.mesh.revoke(attic.peerId)

      const back = await startNode('attic', [den], { home })
      await waitFor(() => back.mesh.info().advice.some(words => /leave --new-identity/.test(words)))
      assert.deepEqual(back.peers(), [])
      await assert.rejects(back.mesh.join(den.mesh.invite().code), { code: 'PEER_REVOKED' })
      await back.mesh.leave({ newIdentity: true })
      const { peerId } = back
      await back.stop({ drainMs: 0 })
      assert.notEqual(peerId, attic.peerId)

      await using again = await startNode('attic', [], { home })
      assert.equal(again.peerId, peerId)
      await again.mesh.join(den.mesh.invite().code)
      await meets(den, again)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })

  it('that tries on and on is not even told any more', async () => {
    await using den = await startNode('den')
    await using attic = await startNode('attic', [den])
    await Promise.all([meets(den, attic), meets(attic, den)])
    await den.mesh.revoke('attic')
    await loses(attic, den)
    await attic.mesh.leave()
    const { code } = den.mesh.invite()
    const codes = new Set<string>()
    for (let i = 0; i < 8; i++) {
      await attic.mesh.join(code).catch((err: LumosError) => codes.add(err.code))
    }
    assert.deepEqual([...codes], ['PEER_REVOKED', 'PEER_UNREACHABLE'])
  })

  it('whose key was deleted by hand begins anew', async () => {
    const home = await temporaryHome()
    try {
      await using den = await startNode('den')
      const attic = await startNode('attic', [den], { home })
      await meets(den, attic)
      await attic.stop({ drainMs: 0 })
      await rm(`${home}/identity.key`)
      await using again = await startNode('attic', [], { home })
      const { id, role, members } = again.mesh.info()
      assert.deepEqual([role, members], ['admin', 1])
      assert.notEqual(id, den.status().meshId)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })

  it('is cut off by who was away, within 30 s of their return', async () => {
    const home = await temporaryHome()
    try {
      await using den = await startNode('den', [], ECHO)
      const cellar = await startNode('cellar', [den], { home })
      await using attic = await startNode('attic', [den, cellar])
      await Promise.all([meets(cellar, attic), meets(den, attic)])
      await cellar.stop({ drainMs: 0 })
      await loses(den, cellar)
      await den.mesh.revoke(attic.peerId)
      await loses(den, attic)

      // It believes in both still, until it hears from one that knows better.
      const beganMs = systemClock.monotonicMs()
      await using back = await startNode('cellar', [attic, den], { home })
      await until(back, 'mesh.member_revoked', () =>
        back.mesh.members().every(({ name }) => name !== 'attic')
      )
      await loses(back, attic)
      assert.ok(systemClock.monotonicMs() - beganMs < HEALED_MS_MAX)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })

  it('must be named without doubt, by an admin, and is never the device itself', async () => {
    await using den = await startNode('den')
    await using attic = await startNode('attic', [den])
    await meets(den, attic)
    await assert.rejects(attic.mesh.revoke('den'), { code: 'NOT_ADMIN' })
    await assert.rejects(den.mesh.revoke('nobody'), { code: 'PEER_NOT_FOUND' })
    await assert.rejects(den.mesh.revoke('den'), { code: 'INVALID_INPUT' })
  })
})

describe('a device that leaves', () => {
  it('is alone in a mesh of its own, and may be invited again', async () => {
    await using den = await startNode('den')
    await using attic = await startNode('attic')
    const before = attic.status().meshId
    await attic.mesh.join(den.mesh.invite().code)
    await meets(den, attic)

    const { id, role, members, holdsRoot } = await attic.mesh.leave()
    assert.deepEqual([role, members, holdsRoot], ['admin', 1, true])
    assert.ok(id !== den.status().meshId && id !== before)
    await loses(den, attic)
    await assert.rejects(attic.mesh.leave(), { code: 'DENIED' })

    await attic.mesh.join(den.mesh.invite().code)
    await Promise.all([meets(den, attic), meets(attic, den)])
  })

  it('does not take the root key of others with it', async () => {
    await using den = await startNode('den')
    await using attic = await startNode('attic', [den])
    await meets(den, attic)
    await assert.rejects(den.mesh.leave(), { code: 'DENIED' })
    const rootKey = den.mesh.exportRoot({ remove: true })
    assert.throws(() => den.mesh.exportRoot(), { code: 'DENIED' })
    assert.match(rootKey, /^lumos-root:[a-z2-7]+$/)
    await den.mesh.leave()
  })
})

describe('a mesh whose admin is lost', () => {
  it('is recovered with the exported root key: another device is admin, and the lost one is out', async () => {
    await using attic = await startNode('attic')
    await using cellar = await startNode('cellar')
    const lost = await startNode('den')
    await attic.mesh.join(lost.mesh.invite().code)
    await cellar.mesh.join(lost.mesh.invite().code)
    await Promise.all([meets(attic, cellar), meets(cellar, attic)])
    const rootKey = lost.mesh.exportRoot()
    await lost[Symbol.asyncDispose]()

    await assert.rejects(attic.mesh.importRoot(`${rootKey.slice(0, -1)}`), { code: 'INVALID_INPUT' })
    const info = await attic.mesh.importRoot(rootKey)
    assert.deepEqual([info.role, info.holdsRoot], ['admin', true])
    await attic.mesh.revoke('den')
    // Whom the lost one had let in is vouched for by the new one.
    await Promise.all([meets(attic, cellar), meets(cellar, attic)])
    await until(cellar, 'manifest.updated', () => rolesOf(cellar).attic === 'admin')
    // The connection that the removal ended may have been seen above; the certificate comes with the next.
    const vouched = () => rolesOf(attic).cellar === 'member'
    const news = ['peer.joined', 'manifest.updated', 'mesh.member_joined'] as const
    await Promise.race(news.map(name => until(attic, name, vouched)))
    assert.deepEqual(rolesOf(attic), { attic: 'admin', cellar: 'member' })

    await using fresh = await startNode('fresh')
    await fresh.mesh.join(attic.mesh.invite({ role: 'admin' }).code)
    await Promise.all([meets(attic, fresh), meets(fresh, attic)])
  })

  it('begins anew from the key alone, on a new device', async () => {
    const first = await startNode('den', [], { settings: { 'mesh.name': 'flat' } })
    await using attic = await startNode('attic')
    await attic.mesh.join(first.mesh.invite().code)
    const rootKey = first.mesh.exportRoot()
    const meshId = first.status().meshId
    await first[Symbol.asyncDispose]()

    await using next = await startNode('next', [], { settings: { 'swarm.peers': attic.status().addresses } })
    const info = await next.mesh.importRoot(rootKey)
    assert.deepEqual([info.id, info.role], [meshId, 'admin'])
    await Promise.all([meets(next, attic), meets(attic, next)])
    await assert.rejects(attic.mesh.importRoot(next.mesh.exportRoot().replace('lumos-root:', 'lumos:')), {
      code: 'INVALID_INPUT'
    })
  })
})

describe('the name of a mesh', () => {
  it('is given by admins, and travels to everybody', async () => {
    await using den = await startNode('den')
    await using attic = await startNode('attic', [den])
    await Promise.all([meets(den, attic), meets(attic, den)])
    await assert.rejects(attic.mesh.rename('mine'), { code: 'NOT_ADMIN' })
    await den.mesh.rename('Summer house')
    await until(attic, 'mesh.renamed', () => attic.status().mesh === 'Summer house')
  })
})

const rolesOf = (node: LumosNode) =>
  Object.fromEntries(node.mesh.members().map(({ name, role }) => [name, role]))
