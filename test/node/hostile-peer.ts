/** A peer that speaks our stack well and our protocols as a test wants. */

import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { multiaddr } from '@multiformats/multiaddr'
import { systemClock } from '../../interface/clock.ts'
import type { Manifest } from '../../interface/manifest.ts'
import type { Role } from '../../interface/membership.ts'
import type { LumosNode } from '../../interface/node.ts'
import { createMeshLibp2p, lanNetwork, type MeshLibp2p, manifestTopic } from '../../node/libp2p.ts'
import { createLog, type NodeLogger } from '../../node/log.ts'
import { libp2pLogger } from '../../node/log-libp2p.ts'
import type { MeshNode } from '../../node/lumos-node.ts'
import { foundMesh } from '../../node/membership/authority.ts'
import { Guard } from '../../node/membership/guard.ts'
import { encodeControl } from '../../protocols/control.ts'
import { decodeError } from '../../protocols/errors.ts'
import { FrameStream } from '../../protocols/frames.ts'
import { FRAME, HELLO_PROTOCOL } from '../../protocols/hello/codec.ts'
import { MANIFEST_BYTES_MAX } from '../../protocols/manifest/index.ts'
import { openDatabase } from '../../storage/database.ts'
import { SqliteDatastore } from '../../storage/datastore.ts'
import { CACHE_MIGRATIONS } from '../../storage/schema.ts'
import { temporaryHome } from './mesh-nodes.ts'

/** What a node wrote to its log as refused, by code. */
export function listeningLog(): { log: NodeLogger; saw(code: string): Promise<void>; codes: string[] } {
  const codes: string[] = []
  const waiting = new Set<() => void>()
  const note = (fields: { code?: string }) => {
    if (fields.code === undefined) return
    codes.push(fields.code)
    for (const check of waiting) check()
  }
  const log: NodeLogger = {
    debug: note,
    info: note,
    warn: note,
    error: note,
    child: () => log,
    isLevelEnabled: () => false
  }
  const saw = (code: string) =>
    new Promise<void>(resolve => {
      const check = () => {
        if (!codes.includes(code)) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })
  return { log, saw, codes }
}

/** Streams of gossip open a few round trips after identify. */
const GOSSIP_INTERVAL_MS = 20

export class HostilePeer implements AsyncDisposable {
  readonly libp2p: MeshLibp2p
  readonly key: PrivateKey
  readonly peerId: string
  /** Of the mesh it attacks. */
  readonly mesh: string
  /** What it shows as its certificates. */
  readonly certificates: readonly Uint8Array[]

  private constructor(
    libp2p: MeshLibp2p,
    { key, peerId, mesh, certificates }: Pick<HostilePeer, 'key' | 'peerId' | 'mesh' | 'certificates'>
  ) {
    this.libp2p = libp2p
    this.key = key
    this.peerId = peerId
    this.mesh = mesh
    this.certificates = certificates
  }

  /** A member of the founder's mesh. */
  static async member(founder: MeshNode, role: Role = 'member'): Promise<HostilePeer> {
    const key = await generateKeyPair('Ed25519')
    const subject = peerIdFromPrivateKey(key).toString()
    const { chain } = await founder.admit({ subject, role, name: 'hostile' })
    return await HostilePeer.#create(founder, key, chain)
  }

  /** A device with a valid key, and a certificate of a root that it made up. */
  static async stranger(victim: LumosNode, key?: PrivateKey): Promise<HostilePeer> {
    const own = key ?? (await generateKeyPair('Ed25519'))
    const subject = peerIdFromPrivateKey(own).toString()
    const root = await generateKeyPair('Ed25519')
    const { chain } = await foundMesh({ subject, name: 'hostile' }, 'home', root, systemClock)
    return await HostilePeer.#create(victim, own, chain)
  }

  static async #create(victim: LumosNode, key: PrivateKey, certificates: readonly Uint8Array[]) {
    const path = join(await temporaryHome(), 'cache.db')
    const database = openDatabase(path, { migrations: CACHE_MIGRATIONS, synchronous: 'NORMAL' })
    const log = createLog({ clock: systemClock, stderrLevel: 'error' })
    const mesh = victim.status().meshId
    const libp2p = await createMeshLibp2p({
      privateKey: key,
      datastore: new SqliteDatastore(database),
      logger: libp2pLogger(log),
      network: lanNetwork({ host: '127.0.0.1', port: 0, mdns: false, peers: [] }),
      mesh,
      guard: new Guard({
        clock: systemClock,
        log,
        standing: () => ({ kind: 'member', role: 'member', name: 'anybody' }),
        openToStrangers: () => []
      }),
      dht: false,
      agent: 'hostile',
      addressesOf: () => [],
      onSighted() {}
    })
    await libp2p.start()
    return new HostilePeer(libp2p, { key, peerId: peerIdFromPrivateKey(key).toString(), mesh, certificates })
  }

  async dial(node: LumosNode): Promise<Connection> {
    return await this.libp2p.dial(node.status().addresses.map(address => multiaddr(address)))
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
   * @throws when the other side refuses, or is gone.
   */
  async hello(connection: Connection, envelope: Uint8Array, mesh = this.mesh): Promise<void> {
    const frames = new FrameStream(await connection.newStream(HELLO_PROTOCOL))
    const own = { version: 1, mesh, meshName: 'home', meshNamedAtMs: 0, revocationsDigest: '' }
    await frames.write(FRAME.hello, encodeControl(own))
    await frames.write(FRAME.manifest, envelope)
    await frames.write(FRAME.accept, encodeControl({ renewed: [] }))
    for (const type of [FRAME.hello, FRAME.manifest, FRAME.accept]) {
      const frame = await frames.read({ bytesMax: MANIFEST_BYTES_MAX })
      if (frame?.type === FRAME.refuse) throw decodeError(frame.body)
      if (frame?.type !== type) throw new Error(`refused: ${frame?.type}`)
    }
    await frames.close()
    // Only now would it be let: it tells our gossip that the other side speaks it.
    await this.libp2p.services.identify.identify(connection)
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

/** Resolves when the other side has ended the connection. */
export const ended = (connection: Connection): Promise<void> =>
  new Promise(resolve => {
    if (connection.status !== 'open') resolve()
    connection.addEventListener('close', () => resolve())
  })
