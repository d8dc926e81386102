/** How devices get other names while they run, and what a hostile member or admin can do with names. */

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'vitest'
import { Hello } from '../../protocols/hello/codec.ts'
import { decodeControl, encodeControl } from '../../protocols/wire/control.ts'
import { loses, meets, startNode, temporaryHome, waitFor } from '../node/mesh-nodes.ts'

const hello = (meshNamedAtMs: number) => ({
  version: 1,
  mesh: 'mesh',
  meshName: 'home',
  meshNamedAtMs,
  revocationsDigest: ''
})

describe('the time that a mesh was named at', () => {
  it('is a whole number that is safe on the wire: anything else is no hello', () => {
    assert.equal(decodeControl(Hello, encodeControl(hello(Number.MAX_SAFE_INTEGER))).meshName, 'home')
    for (const wrong of [-1, 0.5, 2 ** 53, -(2 ** 53)]) {
      assert.throws(() => decodeControl(Hello, encodeControl(hello(wrong))), { code: 'PROTOCOL_VIOLATION' })
    }
  })

  it('is healed where an earlier version has stored what no number can hold: the node starts, renames and meets others', async () => {
    const home = await temporaryHome()
    try {
      await (await startNode('den', [], { home }))[Symbol.asyncDispose]()
      using core = new DatabaseSync(join(home, 'core.db'))
      core.exec(`UPDATE mesh SET named_at_ms = ${2n ** 53n}`)
      core.close()

      await using den = await startNode('den', [], { home })
      await using attic = await startNode('attic')
      await attic.mesh.join(den.mesh.invite().code)
      await Promise.all([meets(den, attic), meets(attic, den)])
      await den.mesh.rename('house')
      await waitFor(() => attic.mesh.info().name === 'house')
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})

describe('a device that is renamed while it runs', () => {
  it('is known by its new name on every member, and after a restart', async () => {
    const home = await temporaryHome()
    try {
      await using den = await startNode('den')
      await using cellar = await startNode('cellar', [den])
      const attic = await startNode('attic', [den, cellar], { home })
      await Promise.all([meets(den, attic), meets(cellar, attic), meets(attic, den), meets(attic, cellar)])
      assert.equal((await attic.mesh.renameDevice('loft')).deviceName, 'loft')
      const called = (name: string) => (node: typeof den) =>
        node.peers().some(peer => peer.name === name) &&
        node.mesh.members().some(member => member.name === name)
      await waitFor(() => [den, cellar].every(called('loft')))

      assert.equal((await den.mesh.renameDevice('study')).deviceName, 'study')
      await waitFor(() => [attic, cellar].every(called('study')))
      await attic.stop()
      await using again = await startNode('attic', [den], { home })
      assert.equal(again.name, 'loft')
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })

  it('gets a number behind a name that another device has or had, and no name while no admin signs it', async () => {
    await using den = await startNode('den')
    await using cellar = await startNode('cellar', [den], { role: 'admin' })
    await using attic = await startNode('attic', [den])
    await using shed = await startNode('shed', [den])
    await Promise.all([meets(den, attic), meets(den, shed), meets(den, cellar)])
    await den.mesh.revoke('shed')
    assert.equal((await attic.mesh.renameDevice('shed')).deviceName, 'shed-2')
    // The root alone signs for an admin.
    assert.equal((await cellar.mesh.renameDevice('den')).deviceName, 'den-2')

    await Promise.all([den.stop(), cellar.stop()])
    await Promise.all([loses(attic, den), loses(attic, cellar)])
    await assert.rejects(attic.mesh.renameDevice('loft'), { code: 'PEER_UNREACHABLE', message: /admin/ })
    assert.equal(attic.name, 'shed-2')
  })

  it('asks with a name that it may have: any other wish is not read', () => {
    const wish = (wantedName: unknown) =>
      decodeControl(Hello, encodeControl({ ...hello(0), wantedName })).wantedName
    assert.equal(wish('loft'), 'loft')
    for (const wrong of ['', 'a\u202eb', 'x'.repeat(64), `12D3KooW${'a'.repeat(44)}`, 7, ['loft']]) {
      assert.equal(wish(wrong), undefined)
    }
  })
})
