/** A peer that speaks our stack well, and our protocols as somebody hostile wants. */

import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { multiaddr } from '@multiformats/multiaddr'
import { systemClock } from '../../interface/clock.ts'
import type { Manifest } from '../../interface/manifest.ts'
import type { LumosNode } from '../../interface/node.ts'
import { libp2pLogger } from '../../node/log/log-libp2p.ts'
import { foundMesh } from '../../node/membership/authority.ts'
import { Guard } from '../../node/membership/guard.ts'
import { manifestTopic } from '../../node/network/gossip.ts'
import { createMeshLibp2p, type MeshLibp2p, type Network } from '../../node/network/libp2p.ts'
import { FRAME, HELLO_PROTOCOL } from '../../protocols/hello/codec.ts'
import { MANIFEST_BYTES_MAX } from '../../protocols/manifest/index.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { decodeError } from '../../protocols/wire/errors.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { openDatabase } from '../../storage/database/database.ts'
import { SqliteDatastore } from '../../storage/database/datastore.ts'
import { CACHE_MIGRATIONS } from '../../storage/database/schema.ts'
import { HostLog } from '../host-log.ts'

/** Streams of gossip open a few round trips after identify. */
const GOSSIP_INTERVAL_MS = 20

export interface HostilePeerInit {
  readonly key: PrivateKey
  /** Of the mesh it attacks. */
  readonly mesh: string
  /** What it shows as its certificates. */
  readonly certificates: readonly Uint8Array[]
  readonly network: Network
  /** A directory of its own, which exists. */
  readonly directory: string
}

export class HostilePeer implements AsyncDisposable {
  readonly libp2p: MeshLibp2p
  readonly key: PrivateKey
  readonly peerId: string
  readonly mesh: string
  readonly certificates: readonly Uint8Array[]

  private constructor(libp2p: MeshLibp2p, { key, mesh, certificates }: HostilePeerInit) {
    this.libp2p = libp2p
    this.key = key
    this.peerId = peerIdFromPrivateKey(key).toString()
    this.mesh = mesh
    this.certificates = certificates
  }

  /** Running when this resolves. */
  static async create(init: HostilePeerInit): Promise<HostilePeer> {
    const database = openDatabase(join(init.directory, 'cache.db'), {
      migrations: CACHE_MIGRATIONS,
      synchronous: 'NORMAL'
    })
    const log = new HostLog()
    const libp2p = await createMeshLibp2p({
      privateKey: init.key,
      datastore: new SqliteDatastore(database),
      logger: libp2pLogger(log),
      network: init.network,
      mesh: init.mesh,
      guard: new Guard({
        clock: systemClock,
        log,
        standing: () => ({ kind: 'member', role: 'member', name: 'anybody' })
      }),
      clock: systemClock,
      dht: false,
      agent: 'hostile',
      addressesOf: () => [],
      onSighted() {}
    })
    await libp2p.start()
    return new HostilePeer(libp2p, init)
  }

  async dial(node: Pick<LumosNode, 'status'>, signal?: AbortSignal): Promise<Connection> {
    return await this.libp2p.dial(
      node.status().addresses.map(address => multiaddr(address)),
      { signal }
    )
  }

  /** A well-formed manifest of this peer, but for what is given. */
  manifest(over: Partial<Manifest> | Record<string, unknown> = {}): Record<string, unknown> {
    return {
      version: 1,
      peerId: this.peerId,
      epoch: 1,
      sequence: 1,
      ttlMs: 180_000,
      issuedAtMs: 0,
      name: 'hostile',
      software: 'x',
      hardware: { platform: 'linux', arch: 'x64', cpu: '', cores: 1, memoryBytes: 0, accelerators: [] },
      addresses: [],
      capabilities: [{ task: 'tensor', model: 'bait', slots: 1, warm: true }],
      certificates: [...this.certificates],
      ...over
    }
  }

  async seal(
    content: Uint8Array,
    { key = this.key, domain = 'lumos/manifest/v1' } = {}
  ): Promise<Uint8Array> {
    const record = { domain, codec: Uint8Array.of(0x71), marshal: () => content, equals: () => false }
    return (await RecordEnvelope.seal(record, key)).marshal()
  }

  async sealed(
    over?: Record<string, unknown>,
    how?: { key?: PrivateKey; domain?: string }
  ): Promise<Uint8Array> {
    return await this.seal(encodeControl(this.manifest(over)), how)
  }

  /**
   * Say hello on a new stream.
   *
   * @returns what the other side has shown, by type of frame.
   * @throws when the other side refuses, or is gone.
   */
  async hello(
    connection: Connection,
    envelope: Uint8Array,
    mesh = this.mesh
  ): Promise<Map<number, Uint8Array>> {
    const frames = new FrameStream(await connection.newStream(HELLO_PROTOCOL))
    const shown = new Map<number, Uint8Array>()
    const own = { version: 1, mesh, meshName: 'home', meshNamedAtMs: 0, revocationsDigest: '' }
    await frames.write(FRAME.hello, encodeControl(own))
    await frames.write(FRAME.certificates, encodeControl({ chain: [...this.certificates] }))
    await frames.write(FRAME.accept, encodeControl({ renewed: [] }))
    await frames.write(FRAME.manifest, envelope)
    for (const type of [FRAME.hello, FRAME.certificates, FRAME.accept, FRAME.manifest]) {
      const frame = await frames.read({ bytesMax: MANIFEST_BYTES_MAX })
      if (frame?.type === FRAME.refuse) throw decodeError(frame.body)
      if (frame?.type !== type) throw new Error(`refused: ${frame?.type}`)
      shown.set(type, frame.body)
    }
    await frames.close()
    // Only now would it be let: it tells our gossip that the other side speaks it.
    await this.libp2p.services.identify.identify(connection)
    return shown
  }

  /** Publish under the topic of manifests, a new message each time, until somebody is there to get it. */
  async gossip(make: (count: number) => Promise<Uint8Array>): Promise<void> {
    const { pubsub } = this.libp2p.services
    const topic = manifestTopic(this.mesh)
    pubsub.subscribe(topic)
    for (let count = 1; ; count++) {
      const { recipients } = await pubsub.publish(topic, await make(count))
      if (recipients.length > 0) return
      await setTimeout(GOSSIP_INTERVAL_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.libp2p.stop()
  }
}

/** Certificates of a root that nobody knows, for `key`. */
export async function madeUpCertificates(key: PrivateKey): Promise<readonly Uint8Array[]> {
  const subject = peerIdFromPrivateKey(key).toString()
  const root = await generateKeyPair('Ed25519')
  return (await foundMesh({ subject, name: 'hostile' }, 'home', root, systemClock)).chain
}
