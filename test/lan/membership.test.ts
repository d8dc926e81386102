/** Devices that are let in and removed, on a LAN of real network namespaces, by what their owner types. */

import assert from 'node:assert/strict'
import { it } from 'vitest'
import type { JoinRequest } from '../../interface/mesh.ts'
import { Lab } from '../../lab/lab.ts'
import { ASKER, loses, meet, type Node, pair, startOn } from '../../lab/node.ts'
import { describeOnLan } from './lan.ts'

/** From the command on, until no device that can be reached serves or lists the one that was removed. */
const CUT_OFF_MS_MAX = 5000
/** After a partition has healed. */
const HEALED_MS_MAX = 30_000

describeOnLan('three devices', () => {
  it('are found, let in by code and by approval, and one is removed everywhere within 5 s', async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    await using den = await startOn(await lan.device('den'), 'den', { args: ['--mesh', 'flat'] })
    await using attic = await startOn(await lan.device('attic'), 'attic', { env: ASKER })
    await using cellar = await startOn(await lan.device('cellar'), 'cellar', { env: ASKER })

    const { code } = JSON.parse((await den.cli('invite', '--json')).stdout)
    assert.equal((await attic.cli('join', code)).code, 0)
    await meet(den, attic)

    await cellar.until('has seen the mesh', async () => (await near(cellar)).includes('flat'))
    const joining = cellar.cli('join', '--nearby', '--mesh', 'flat')
    const { items }: { items: JoinRequest[] } = JSON.parse(
      (await den.cli('approve', '--json', '--wait', '15')).stdout
    )
    assert.deepEqual(
      items.map(({ name }) => name),
      ['cellar']
    )
    assert.equal((await den.cli('approve', 'cellar')).code, 0)
    const { code: exit, stdout } = await joining
    assert.equal(exit, 0)
    assert.ok(stdout.includes(items[0]!.phrase))
    await Promise.all([meet(den, cellar), meet(attic, cellar)])

    const beganMs = performance.now()
    assert.equal((await den.cli('revoke', 'cellar', '--yes')).code, 0)
    const gone = await Promise.all([loses(den, cellar, CUT_OFF_MS_MAX), loses(attic, cellar, CUT_OFF_MS_MAX)])
    console.log(`removed everywhere after ${(Math.max(...gone) - beganMs).toFixed(0)} ms, command included`)
    // Its code is spent and its certificate dead.
    assert.equal((await cellar.cli('leave', '--yes')).code, 0)
    assert.notEqual((await cellar.cli('join', code)).code, 0)
    assert.deepEqual(await attic.peers(), [den.peerId])
  })
})

describeOnLan('a device that was removed while another was cut off', () => {
  it('is removed there too within 30 s of the cable being back', { timeout: 60_000 }, async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    const device = await lan.device('attic')
    await using den = await startOn(await lan.device('den'), 'den')
    await using attic = await startOn(device, 'attic')
    await using cellar = await startOn(await lan.device('cellar'), 'cellar')
    await pair(den, attic, cellar)
    await Promise.all([meet(den, attic), meet(den, cellar), meet(attic, cellar)])

    await device.unplug()
    await Promise.all([loses(den, attic), loses(cellar, attic)])
    assert.equal((await den.cli('revoke', 'cellar', '--yes')).code, 0)
    assert.ok((await membersOf(attic)).includes('cellar'))

    await device.plugIn()
    const pluggedInMs = performance.now()
    const atMs = await attic.until(
      'knows that cellar was removed',
      async () =>
        !(await membersOf(attic)).includes('cellar') && !(await attic.peers()).includes(cellar.peerId),
      HEALED_MS_MAX
    )
    console.log(`removed ${(atMs - pluggedInMs).toFixed(0)} ms after the cable was back`)
    await meet(den, attic)
  })
})

const near = async ({ client }: Node): Promise<string[]> =>
  (await client.execute<{ items: { mesh: string }[] }>('mesh.nearby')).data.items.map(({ mesh }) => mesh)

const membersOf = async ({ client }: Node): Promise<string[]> =>
  (await client.execute<{ items: { name: string }[] }>('mesh.members')).data.items.map(({ name }) => name)
