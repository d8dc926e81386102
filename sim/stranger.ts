/** Somebody who is no member knocks at every door of a node, and counts what it gets. */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection } from '@libp2p/interface'
import { openStream, PROTOCOLS } from './hostile/behaviour.ts'
import { HostilePeer, madeUpCertificates } from './hostile/peer.ts'
import type { Stage } from './stage.ts'

/** Who answers at all does so within a few round trips. */
const ANSWER_MS = 500
const NAME = 'stranger'

export async function knock(stage: Stage, node: number): Promise<void> {
  const { cluster, signal } = stage
  const key = await generateKeyPair('Ed25519')
  const directory = join(cluster.directory, NAME)
  await mkdir(directory)
  await using peer = await HostilePeer.create({
    key,
    mesh: stage.node(node).status().meshId,
    certificates: await madeUpCertificates(key),
    network: cluster.network.attach(NAME).stack([]),
    directory
  })
  stage.meet({ name: NAME, peerId: peer.peerId, kind: 'stranger' })
  for (const protocol of PROTOCOLS) {
    // One door after the other, on a connection of its own: it is sent away after each.
    const connection = await peer.dial(stage.node(node), signal).catch(() => undefined)
    const bytes = connection === undefined ? 0 : await bytesOf(stage, connection, protocol)
    stage.observer.add({ type: 'received', node: `node-${node}`, peerId: peer.peerId, protocol, bytes })
    await connection?.close().catch(() => {})
  }
}

/** What comes on a new stream of the protocol, whatever is said on it. */
async function bytesOf({ signal, pause }: Stage, connection: Connection, protocol: string): Promise<number> {
  let bytes = 0
  const stream = await openStream(connection, protocol, signal).catch(() => undefined)
  if (stream === undefined) return 0
  stream.addEventListener('message', ({ data }) => {
    bytes += data.byteLength
  })
  if (stream.status === 'open') stream.send(Uint8Array.of(1, 0))
  await pause(ANSWER_MS)
  stream.abort(new Error('enough'))
  return bytes
}
