/** Peers that die, stop, come back, and lose their cable. */

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { it } from 'vitest'
import { Lab } from '../../lab/lab.ts'
import { ASKER, holds, loses, meet, pair, startOn } from '../../lab/node.ts'
import { temporaryHome } from '../../lab/system.ts'
import { describeOnLan } from './lan.ts'

/** From the signal on, until no other node lists the peer or its models. */
const KILLED_GONE_MS_MAX = 5000
const STOPPED_GONE_MS_MAX = 1000
/** A dead path shows by nothing but silence. */
const UNPLUGGED_GONE_MS_MAX = 20_000
const PLUGGED_IN_BACK_MS_MAX = 15_000

describeOnLan('a peer', () => {
  it('is gone from every table soon after it was killed or stopped, and is one peer when it comes back', async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    const device = await lan.device('peer')
    await using one = await startOn(await lan.device('one'), 'one')
    await using other = await startOn(await lan.device('other'), 'other')
    await pair(one, other)
    const home = await temporaryHome()
    const figures: string[] = []
    let peerId: string | undefined

    for (const [signal, withinMs] of [
      ['SIGKILL', KILLED_GONE_MS_MAX],
      ['SIGTERM', STOPPED_GONE_MS_MAX]
    ] as const) {
      await using peer = await startOn(device, 'peer', { home })
      if (peerId === undefined) await pair(one, peer)
      await Promise.all([meet(one, peer), meet(other, peer), meet(one, other)])
      assert.equal(peer.peerId, peerId ?? peer.peerId)
      peerId = peer.peerId
      for (const node of [one, other]) {
        assert.equal((await node.peers()).length, 2)
        const [model] = await node.models()
        assert.equal(model!.providers.filter(provider => provider.peer_id === peerId).length, 1)
      }

      const beganMs = performance.now()
      const ended = peer.end(signal)
      const gone = await Promise.all([loses(one, peer, withinMs), loses(other, peer, withinMs)])
      figures.push(`${signal} ${(Math.max(...gone) - beganMs).toFixed(0)} ms`)
      await ended
    }

    console.log(`gone from every table after ${figures.join(', ')}`)
    await using back = await startOn(device, 'peer', { home })
    await Promise.all([holds(one, back), holds(other, back)])
    const { items } = JSON.parse((await one.cli('peers', '--json')).stdout)
    assert.deepEqual(items.map((item: { name: string }) => item.name).sort(), ['other', 'peer'])
    await rm(home, { recursive: true })
  })

  it('that was cut off, died and came back before anybody missed it is one peer, and answers', async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    const device = await lan.device('server')
    const home = await temporaryHome()
    await using asker = await startOn(await lan.device('asker'), 'asker', { env: ASKER })
    await using before = await startOn(device, 'server', { home })
    await pair(asker, before)
    await meet(asker, before)

    // Without its cable it cannot say goodbye, so the asker still has a connection to it.
    await device.unplug()
    await before.end('SIGKILL')
    await using after = await startOn(device, 'server', { home })
    await device.plugIn()
    await holds(after, asker)

    const image = fileURLToPath(new URL('../fixtures/digits/7.png', import.meta.url))
    const { stdout, stderr } = await asker.cli('infer', 'digits-cnn', `@${image}`, '--json')
    assert.equal(stderr, '')
    assert.equal(JSON.parse(stdout).meta.peer, after.peerId)
    assert.deepEqual(await asker.peers(), [after.peerId])
    await rm(home, { recursive: true })
  })

  it('is gone when its cable is, and back by itself when that is plugged in again', {
    timeout: 60_000
  }, async () => {
    await using lab = await Lab.create()
    const lan = await lab.lan()
    const device = await lan.device('server')
    await using server = await startOn(device, 'server')
    await using asker = await startOn(await lan.device('asker'), 'asker')
    await pair(server, asker)
    await meet(asker, server)

    await device.unplug()
    const unpluggedMs = performance.now()
    const [goneMs] = await Promise.all([
      loses(asker, server, UNPLUGGED_GONE_MS_MAX),
      loses(server, asker, UNPLUGGED_GONE_MS_MAX)
    ])

    await device.plugIn()
    const pluggedInMs = performance.now()
    await meet(asker, server)
    const backMs = performance.now() - pluggedInMs
    console.log(
      `gone ${(goneMs - unpluggedMs).toFixed(0)} ms after unplugging, back ${backMs.toFixed(0)} ms after plugging in`
    )
    assert.ok(backMs < PLUGGED_IN_BACK_MS_MAX)
    const { stdout } = await asker.cli('models', '--json')
    assert.equal(JSON.parse(stdout).items[0].providers.length, 2)
  })
})
