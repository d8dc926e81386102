import { setTimeout } from 'node:timers/promises'
import { TopicValidatorResult } from '@libp2p/gossipsub'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { manifestTopic } from '../../node/network/gossip.ts'
import { FRAME, MANIFEST_PROTOCOL } from '../../protocols/manifest/codec.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import type { DrivenNode } from '../../sim/driven-node.ts'
import { HostilePeer } from '../node/hostile-peer.ts'
import { startNode, until } from '../node/mesh-nodes.ts'

/** Two rows of honest members, which know each other only by way of droppers until one stands between them. */
const ROW = 4
const HONEST = 2 * ROW + 1
/** Four in ten of all members. */
const DROPPERS = 6
/** Gossip repeats what is younger than this; afterwards only a pull brings it. */
const GOSSIP_MEMORY_MS = 6000
/** What is promised is 90 s. Everybody announces itself anew after some 50 s, which would hide that pulls do not work. */
const KNOWN_MS_MAX = 40_000
/** Within a row, too, what gossip brings to droppers only comes with the pull of a minute. */
const SETUP_MS_MAX = 120_000

const SETTINGS = { 'engines.echo': true, 'swarm.dht': false }
const known = (node: DrivenNode): number =>
  node.models().find(({ task }) => task === 'tensor')?.providers.length ?? 0
const knowsAll = (node: DrivenNode, count: number): Promise<void> =>
  until(node, 'manifest.updated', () => known(node) === count)

/** A member that dials these and nobody else. */
const memberOf = (
  founder: DrivenNode,
  name: string,
  neighbours: readonly DrivenNode[]
): Promise<DrivenNode> => {
  const peers = neighbours.flatMap(neighbour => neighbour.status().addresses)
  return startNode(name, [founder], { settings: { ...SETTINGS, 'swarm.peers': peers } })
}

/** Takes gossip as everybody does and is in everybody's mesh for it, and hands on nothing, asked or unasked. */
async function dropper(founder: DrivenNode): Promise<HostilePeer> {
  const peer = await HostilePeer.member(founder)
  const { pubsub } = peer.libp2p.services
  const topic = manifestTopic(peer.mesh)
  pubsub.topicValidators.set(topic, () => TopicValidatorResult.Ignore)
  pubsub.subscribe(topic)
  await peer.libp2p.handle(MANIFEST_PROTOCOL, async stream => {
    const frames = new FrameStream(stream)
    // Whoever asked may be gone.
    await frames.write(FRAME.end, new Uint8Array(0)).catch(() => {})
    await frames.close().catch(() => {})
  })
  return peer
}

describe('four in ten members that silently drop what they should hand on', () => {
  const rows: DrivenNode[][] = [[], []]
  const droppers: HostilePeer[] = []
  let beganMs = 0

  const surround = (node: DrivenNode): Promise<unknown> =>
    Promise.all(
      droppers.map(async (peer, i) =>
        peer.hello(await peer.dial(node), await peer.sealed({ name: `dropper-${i}`, capabilities: [] }))
      )
    )

  beforeAll(async () => {
    const founder = await startNode('honest-0', [], { settings: SETTINGS })
    beganMs = performance.now()
    rows[0]!.push(founder)
    for (let i = 0; i < DROPPERS; i++) droppers.push(await dropper(founder))
    await surround(founder)
    for (const row of rows) {
      while (row.length < ROW) {
        // The first of the second row knows the mesh, and nobody in it but droppers.
        const node = await memberOf(founder, `honest-${rows.indexOf(row)}-${row.length}`, row.slice(-1))
        await surround(node)
        row.push(node)
      }
    }
    await Promise.all(rows.flat().map(node => knowsAll(node, ROW)))
    await setTimeout(Math.max(0, beganMs + GOSSIP_MEMORY_MS - performance.now()))
  }, SETUP_MS_MAX)
  afterAll(async () => {
    await Promise.all(rows.flat().map(node => node.stop({ drainMs: 0 })))
    await Promise.all(droppers.map(peer => peer[Symbol.asyncDispose]()))
  })

  it('keep apart only whom nobody else connects, and not for long those whom somebody does', async () => {
    expect(rows.flat().map(known)).toEqual(rows.flat().map(() => ROW))

    const joinedMs = performance.now()
    const between = await memberOf(
      rows[0]![0]!,
      'honest-between',
      rows.map(row => row.at(-1)!)
    )
    rows[0]!.push(between)
    await surround(between)
    const deadline = AbortSignal.timeout(KNOWN_MS_MAX)
    const late = new Promise<never>((_, reject) => {
      deadline.onabort = () =>
        reject(new Error(`Of ${HONEST} honest members are known: ${rows.flat().map(known)}`))
    })
    await Promise.race([Promise.all(rows.flat().map(node => knowsAll(node, HONEST))), late])
    console.log(
      `T7: ${DROPPERS} of ${HONEST + DROPPERS} members drop; all ${HONEST ** 2} honest manifests known ${Math.round(performance.now() - joinedMs)} ms after the rows met`
    )
  }, 60_000)
})
