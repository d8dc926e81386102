/**
 * Devices that are found in the DHT: a star whose middle passes no manifests on, as in a mesh that is larger than the
 * tables of its devices.
 */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { hasEnded } from '../../interface/jobs.ts'
import { manifestTopic } from '../../node/network/gossip.ts'
import { MANIFEST_PROTOCOL } from '../../protocols/manifest/index.ts'
import type { DrivenNode } from '../../sim/driven-node.ts'
import { DHT_TYPE, deadAddresses, dhtMessage } from '../hostile/dht-messages.ts'
import { HostilePeer } from './hostile-peer.ts'
import { meets, startNode, temporaryHome, waitFor } from './mesh-nodes.ts'

const DHT = { 'swarm.dht': true }
type Started = Awaited<ReturnType<typeof startNode>>

/** Manifests of its peers come to it alone. */
async function silence(node: DrivenNode): Promise<void> {
  const { libp2p, mesh } = node.network()
  const { pubsub } = libp2p.services
  await libp2p.unhandle([...MANIFEST_PROTOCOL])
  pubsub.unsubscribe(manifestTopic(mesh))
  pubsub.publish = async () => ({ recipients: [] })
}

async function importTo(node: DrivenNode, name: string): Promise<string> {
  const path = join(await temporaryHome(), 'model.bin')
  await writeFile(path, randomBytes(1024))
  return (await node.weights.import(path, { name })).cid
}

async function pulled(node: DrivenNode, ref: string) {
  const { id } = node.jobs.begin('model.pull', { ref })
  for await (const job of node.jobs.watch(id)) if (hasEnded(job.state)) return job
  throw new Error('The node ended.')
}

/** How many servers keep a record of the key. */
async function isProvided(node: DrivenNode, cid: string): Promise<void> {
  const { libp2p } = node.network()
  const { CID } = await import('multiformats/cid')
  const providers = (libp2p.services.dht as unknown as Inside).providers
  while ((await providers.getProviders(CID.parse(cid))).length === 0)
    await new Promise(resolve => setTimeout(resolve, 20))
}
interface Inside {
  readonly providers: { getProviders(cid: unknown): Promise<unknown[]> }
}

describe('a mesh in which no device passes on the manifests of others', () => {
  let middle: Started
  let holder: Started
  let cid: string

  beforeAll(async () => {
    middle = await startNode('middle', [], { settings: DHT })
    await silence(middle)
    const settings = { ...DHT, 'engines.echo': true, access: { secret: { roles: ['admin'] } } }
    holder = await startNode('holder', [middle], { settings })
    await meets(holder, middle)
    cid = await importTo(holder, 'tiny')
    await isProvided(middle, cid)
  })
  afterAll(() => Promise.all([middle, holder].map(node => node[Symbol.asyncDispose]())))

  /** A device that is connected to the middle, and knows nothing of the holder. */
  async function newcomer(name: string): Promise<Started> {
    const node = await startNode(name, [middle], { settings: DHT })
    onTestFinished(() => node[Symbol.asyncDispose]())
    await meets(node, middle)
    assert.equal(
      node.peers().some(({ peerId }) => peerId === holder.peerId),
      false
    )
    return node
  }

  it('asks a model of a device that the DHT led to, and says who does not offer it', async () => {
    const asker = await newcomer('asker')
    const input = { messages: [{ role: 'user' as const, content: 'hello there' }] }
    const answer = await Array.fromAsync(asker.infer({ model: 'echo', input }))
    expect(JSON.stringify(answer)).toContain('hello there')
    await assert.rejects(Array.fromAsync(asker.infer({ model: 'none', input })), { code: 'NO_PROVIDER' })
  })

  it('brings weights from there, by their CID or name, and nothing of private ones', async () => {
    const [one, other] = [await newcomer('one'), await newcomer('other')]
    expect(await pulled(one, cid)).toMatchObject({ state: 'done', result: { model: 'tiny', cid } })
    expect(await pulled(other, 'tiny')).toMatchObject({ state: 'done', result: { cid } })
    // T15: that the holder has it is known, and it is connected.
    const secret = await importTo(holder, 'secret')
    for (const ref of [secret, 'secret'])
      expect(await pulled(other, ref)).toMatchObject({ error: { code: 'WEIGHTS_NOT_FOUND' } })
  })

  it('finds the device although a server names twenty that are not there', async () => {
    const liar = await HostilePeer.member(middle)
    onTestFinished(() => liar[Symbol.asyncDispose]())
    const fakes = await Promise.all(
      Array.from({ length: 20 }, async () => ({
        id: peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toMultihash().bytes,
        addresses: deadAddresses(1).map(({ bytes }) => bytes)
      }))
    )
    let asked = 0
    const protocol = `/lumos/${liar.mesh}/kad/1.0.0`
    await liar.libp2p.handle(protocol, (stream: Stream) => {
      asked++
      stream.send(dhtMessage({ type: DHT_TYPE.getProviders, providers: fakes }))
      void stream.close().catch(() => {})
    })
    const asker = await newcomer('deceived')
    const connection = await liar.dial(asker)
    const addresses = liar.libp2p.getMultiaddrs().map(String)
    await liar.hello(connection, await liar.sealed({ addresses }))
    await waitFor(() => asked > 0)
    expect(await pulled(asker, cid)).toMatchObject({ state: 'done' })
    assert.ok(asked > 1)
  })
})
