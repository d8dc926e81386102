/** A peer that speaks our stack well and our protocols as a test wants. */

import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { multiaddr } from '@multiformats/multiaddr'
import { systemClock } from '../../interface/clock.ts'
import type { Manifest } from '../../interface/manifest.ts'
import type { LumosNode } from '../../interface/node.ts'
import { createMeshLibp2p, lanNetwork, type MeshLibp2p } from '../../node/libp2p.ts'
import { createLog, type NodeLogger } from '../../node/log.ts'
import { libp2pLogger } from '../../node/log-libp2p.ts'
import { encodeControl } from '../../protocols/control.ts'
import { FrameStream } from '../../protocols/frames.ts'
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

export class HostilePeer implements AsyncDisposable {
  readonly libp2p: MeshLibp2p
  readonly key: PrivateKey
  readonly peerId: string

  private constructor(libp2p: MeshLibp2p, key: PrivateKey) {
    this.libp2p = libp2p
    this.key = key
    this.peerId = peerIdFromPrivateKey(key).toString()
  }

  static async create(mesh: LumosNode): Promise<HostilePeer> {
    const key = await generateKeyPair('Ed25519')
    const path = join(await temporaryHome(), 'cache.db')
    const database = openDatabase(path, { migrations: CACHE_MIGRATIONS, synchronous: 'NORMAL' })
    const libp2p = await createMeshLibp2p({
      privateKey: key,
      datastore: new SqliteDatastore(database),
      logger: libp2pLogger(createLog({ clock: systemClock, stderrLevel: 'error' })),
      network: lanNetwork({ host: '127.0.0.1', port: 0, mdns: false, peers: [] }),
      mesh: mesh.status().meshId,
      guard: new Guard({ clock: systemClock, log, standing: () => ({ kind: 'member', role: 'member' }), openToStrangers: () => [] }),
      dht: false,
      agent: 'hostile',
      onSighted() {}
    })
    await libp2p.start()
    return new HostilePeer(libp2p, key)
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

  /** Say hello on a new stream; resolves to the stream's frames once the other side has said its own. */
  async hello(connection: Connection, envelope: Uint8Array, mesh = 'home'): Promise<void> {
    const frames = new FrameStream(await connection.newStream('/lumos/hello/1'))
    await frames.write(1, encodeControl({ version: 1, mesh }))
    await frames.write(2, envelope)
    await frames.read()
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
