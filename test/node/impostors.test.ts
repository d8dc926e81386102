import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { DeviceName, looksLikePeerId, thoseCalled } from '../../interface/names.ts'
import { prepare } from '../../interface/prepare.ts'
import { memberCalled } from '../../node/membership/names.ts'
import { INFERENCE_PROTOCOL, InferenceClient } from '../../protocols/inference/index.ts'
import type { DrivenNode } from '../../sim/driven-node.ts'
import { HostilePeer } from './hostile-peer.ts'
import { knows, meets, startNode, until } from './mesh-nodes.ts'

describe('the form of a PeerId', () => {
  it.each(['Ed25519', 'secp256k1', 'RSA'] as const)(
    'is seen in every text of one of a key of %s',
    async kind => {
      const id = peerIdFromPrivateKey(await generateKeyPair(kind as 'Ed25519'))
      for (const text of [id.toString(), id.toCID().toString()]) {
        expect(peerIdFromString(text).equals(id)).toBe(true)
        expect(looksLikePeerId(text)).toBe(true)
        expect(DeviceName.safeParse(text).success).toBe(false)
      }
    }
  )

  it('is seen in one of base36', () => {
    const text = 'k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8'
    expect(peerIdFromString(text).type).toBe('Ed25519')
    expect(DeviceName.safeParse(text).success).toBe(false)
  })

  it.each(['den', 'Qm', '12D3', 'kitchen', "Zoë's laptop", 'bafz', '1'.repeat(20), 'k'.repeat(40)])(
    'is not seen in the name %s',
    name => {
      expect(DeviceName.parse(name)).toBe(name)
    }
  )
})

describe('a name that two members bear', () => {
  const twins = [
    { peerId: 'one', name: 'den' },
    { peerId: 'two', name: 'den' }
  ]

  it('is refused with the PeerId of each', () => {
    expect(thoseCalled(twins, 'den')).toHaveLength(2)
    expect(() => memberCalled(twins, 'den')).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', hint: 'Use the PeerId: one, two' })
    )
  })
})

describe('a member that calls itself as another one', () => {
  const parts: AsyncDisposable[] = []
  afterEach(() => Promise.all(parts.splice(0).map(part => part[Symbol.asyncDispose]())))
  const keep = <T extends AsyncDisposable>(part: T): T => {
    parts.push(part)
    return part
  }

  /** A founder, and its friend, to whom alone the founder offers its model. */
  async function offeredToOne() {
    const founder = keep(await startNode('founder', [], { settings: { 'engines.echo': true } }))
    const friend = keep(await startNode('friend', [founder]))
    await Promise.all([meets(founder, friend), knows(friend, founder)])
    founder.offer('echo', { peers: ['friend'] })
    return { founder, friend }
  }
  const enters = async (impostor: HostilePeer, node: DrivenNode, manifest: Record<string, unknown> = {}) => {
    const connection = await impostor.dial(node)
    await impostor.hello(connection, await impostor.sealed(manifest))
    await until(node, 'peer.joined', () => node.peers().some(({ peerId }) => peerId === impostor.peerId))
    return connection
  }
  const say = { model: 'echo', input: { messages: [{ role: 'user', content: 'secret' }] } }
  const message = { id: 'r', task: 'text-generation' as const, params: {}, budgetMs: 5000 }

  it('by its PeerId is denied what is offered to that one alone', async () => {
    const { founder, friend } = await offeredToOne()
    const impostor = keep(await HostilePeer.misnamed(founder, friend.peerId, 'guest'))
    const connection = await enters(impostor, founder)
    const client = new InferenceClient({
      clock: systemClock,
      openStream: options => connection.newStream(INFERENCE_PROTOCOL, options)
    })
    await expect(Array.fromAsync(client.infer(prepare({ ...message, ...say })))).rejects.toMatchObject({
      code: 'DENIED'
    })
    expect(await Array.fromAsync(friend.infer(say))).toHaveLength(2)
    // On no screen does it bear the PeerId.
    expect(founder.mesh.members().map(({ name }) => name)).not.toContain(friend.peerId)
    expect(founder.peers().map(({ name }) => name)).not.toContain(friend.peerId)
  })

  it('by its PeerId does not keep it from being removed', async () => {
    const { founder, friend } = await offeredToOne()
    const impostor = keep(await HostilePeer.misnamed(founder, friend.peerId, 'guest'))
    await enters(impostor, founder)
    await expect(founder.mesh.revoke(friend.peerId)).resolves.toMatchObject({ peerId: friend.peerId })
    const left = founder.mesh.members().map(({ peerId }) => peerId)
    expect([left.includes(friend.peerId), left.includes(impostor.peerId)]).toEqual([false, true])
  })

  it('by its PeerId is let in under no certificate of this version', async () => {
    const founder = keep(await startNode('founder'))
    const subject = peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString()
    await expect(founder.admit({ subject, role: 'guest', name: founder.peerId })).rejects.toMatchObject({
      code: 'INVALID_INPUT'
    })
  })

  it.each(['name', 'PeerId'])('in its manifest, by its %s, gets nothing that is meant for it', async how => {
    const { founder, friend } = await offeredToOne()
    const impostor = keep(await HostilePeer.member(founder))
    const asked: string[] = []
    await impostor.libp2p.handle(INFERENCE_PROTOCOL, stream => {
      asked.push(stream.protocol)
      stream.abort(new Error('caught'))
    })
    const capability = { task: 'text-generation', model: 'echo', slots: 1, warm: true }
    const called = how === 'name' ? 'friend' : friend.peerId
    await enters(impostor, founder, { name: called, capabilities: [capability] })
    // What it offers is known, and still it is not the friend.
    expect(founder.models().flatMap(({ providers }) => providers.map(({ name }) => name))).toContain(
      'hostile'
    )
    expect(founder.peers().map(({ name }) => name)).toContain('hostile')
    await expect(Array.fromAsync(founder.infer(say, { peer: called }))).rejects.toMatchObject({
      code: 'NO_PROVIDER'
    })
    expect(asked).toEqual([])
  })
})
