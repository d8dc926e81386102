import { cp } from 'node:fs/promises'
import { peerIdFromString } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import { echoModel } from '../../capabilities/index.ts'
import { systemClock } from '../../interface/clock.ts'
import { createLumosNode } from '../../node/create-node.ts'
import { HostilePeer } from '../node/hostile-peer.ts'
import { ALONE, knows, loses, meets, startNode, temporaryHome } from '../node/mesh-nodes.ts'
import { Dialer, isServed } from './dialer.ts'
import { becomes } from './measures.ts'

/** Everywhere reachable, and after a partition has healed. */
const REACHABLE_MS = 5000
const HEALED_MS = 30_000

const ECHO = { settings: { 'engines.echo': true } }
/** Ten words a second: its answer is never over when its device is removed. */
const SLOW = echoModel({ clock: systemClock, wordDelayMs: 100 })
const talk = (words: number) => ({
  model: 'echo',
  input: { messages: [{ role: 'user' as const, content: 'word '.repeat(words) }] }
})

describe('each protocol that a node speaks', () => {
  it('is open to a member, and shut to a stranger but for the hello', async () => {
    await using node = await startNode('node', [], { settings: { 'swarm.dht': true } })
    await using member = await HostilePeer.member(node)
    await member.hello(await member.dial(node), await member.sealed())
    const { protocols } = await member.libp2p.peerStore.get(peerIdFromString(node.peerId))
    expect(protocols.length).toBeGreaterThan(9)

    const served: string[] = []
    for (const protocol of protocols) {
      // One after the other as a new stranger: nobody is shut out for what the last one did.
      await using stranger = await Dialer.create()
      if (await isServed(await stranger.dial(node.status()), protocol)) served.push(protocol)
    }
    expect(served).toEqual(['/lumos/hello/1'])
  })
})

describe('a device that is removed', () => {
  it('is cut off everywhere reachable within five seconds, in the middle of an answer too', async () => {
    await using founder = await startNode('founder')
    await using server = await startNode('server', [founder], { models: [SLOW] })
    await using lost = await startNode('lost', [founder, server])
    await Promise.all([
      meets(founder, lost),
      meets(server, lost),
      meets(founder, server),
      knows(lost, server)
    ])

    let chunks = 0
    const answer = (async () => {
      for await (const _ of lost.infer(talk(1000), { peer: 'server' })) chunks++
    })()
    // The connection ends under the answer; why, the device hears when it connects again.
    const ended = expect(answer).rejects.toMatchObject({ code: 'STREAM_INTERRUPTED' })
    await becomes('the answer has begun', 5000, () => chunks > 0)

    const beganMs = performance.now()
    const gone = Promise.all([loses(founder, lost), loses(server, lost)])
    await founder.mesh.revoke(lost.peerId)
    await gone
    await ended
    const tookMs = performance.now() - beganMs
    console.log(`T4: cut off on both members, its answer ended, after ${Math.round(tookMs)} ms`)
    expect(tookMs).toBeLessThan(REACHABLE_MS)

    // Nor does it come back, with the certificate that it still has.
    await expect(Array.fromAsync(lost.infer(talk(1), { peer: server.peerId }))).rejects.toThrow()
    expect(server.peers().map(({ name }) => name)).toEqual(['founder'])
  })

  it('has nothing to open any more, whatever it tries', async () => {
    await using founder = await startNode('founder')
    await using hostile = await HostilePeer.member(founder)
    const connection = await hostile.dial(founder)
    await hostile.hello(connection, await hostile.sealed())
    expect(await isServed(connection, '/ipfs/id/1.0.0')).toBe(true)
    await founder.mesh.revoke(hostile.peerId)
    await becomes('the connection has ended', REACHABLE_MS, () => connection.status !== 'open')

    for (const protocol of ['/lumos/inference/1', '/ipfs/id/1.0.0', '/meshsub/1.2.0']) {
      const again = await hostile.dial(founder)
      expect(await isServed(again, protocol)).toBe(false)
      await again.close()
    }
    // It hears why, and nothing of the node itself.
    await expect(hostile.hello(await hostile.dial(founder), await hostile.sealed())).rejects.toMatchObject({
      code: 'PEER_REVOKED'
    })
  })

  it('is cut off by those who were away, within half a minute of their return', async () => {
    await using founder = await startNode('founder')
    const home = await temporaryHome()
    const before = await startNode('away', [founder], { home, ...ECHO })
    await using lost = await startNode('lost', [before])
    await Promise.all([meets(before, lost), meets(before, founder)])
    await before.stop()
    await founder.mesh.revoke(lost.peerId)

    // It comes back next to the lost device, and only then finds the mesh.
    const away = await createLumosNode({
      home,
      settings: { ...ALONE, name: 'away', ...ECHO.settings, 'swarm.peers': lost.status().addresses }
    })
    await away.start()
    try {
      const beganMs = performance.now()
      await becomes('the returned member has let the lost device go', HEALED_MS, () => {
        const names = away.peers().map(({ name }) => name)
        return names.includes('founder') && !names.includes('lost')
      })
      console.log(`T4: after a partition healed, cut off in ${Math.round(performance.now() - beganMs)} ms`)
      await expect(Array.fromAsync(lost.infer(talk(1), { peer: away.peerId }))).rejects.toThrow()
    } finally {
      await away.stop({ drainMs: 0 })
    }
  }, 60_000)
})

describe('a key that is used on two devices', () => {
  it('is noticed by a peer of both within ten seconds', async () => {
    await using hub = await startNode('hub')
    const home = await temporaryHome()
    await using first = await startNode('first', [hub], { home })
    await meets(hub, first)

    // The copy has the key and the certificate, and a home of its own.
    const copied = await temporaryHome()
    await cp(`${home}/identity.key`, `${copied}/identity.key`)
    const noticed = new Promise<string>(resolve => {
      hub.events.addEventListener('peer.duplicated', event => resolve(event.detail.peerId), { once: true })
    })
    const beganMs = performance.now()
    await using copy = await startNode('copy', [hub], { home: copied })
    expect(copy.peerId).toBe(first.peerId)
    expect(await noticed).toBe(first.peerId)
    const tookMs = performance.now() - beganMs
    console.log(`T20: a copied key was noticed after ${Math.round(tookMs)} ms`)
    expect(tookMs).toBeLessThan(10_000)
  })
})
