/** Devices that move weights: real libp2p, stores in memory, and a mesh that consists of who is member of it. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey, Stream, StreamHandler } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { createLibp2p, type Libp2p } from 'libp2p'
import { systemClock } from '../../interface/clock.ts'
import type { Access, Membership, Role } from '../../interface/membership.ts'
import type { Repository } from '../../interface/weights.ts'
import type { MeshContext, Participation } from '../../node/feature.ts'
import { permit } from '../../node/membership/policy.ts'
import { WeightTransfer } from '../../node/weights/transfer/transfer.ts'
import { socketTls } from '../../protocols/transport/tls/index.ts'
import { sparingYamux } from '../../protocols/transport/yamux.ts'
import { REPOSITORY_MANIFEST } from '../../protocols/weights/repository-manifest.ts'
import { sealRecord } from '../../protocols/wire/signed-record.ts'
import { MemoryStore, repositoryOf } from './memory-store.ts'

export interface Device extends AsyncDisposable {
  readonly peerId: string
  readonly name: string
  readonly libp2p: Libp2p
  readonly store: MemoryStore
  readonly transfer: WeightTransfer
  readonly part: Participation
  /** To whom models are offered; 'everyone' for those that are not here, and nobody for undefined. */
  readonly offers: Map<string, Access | undefined>
  readonly warnings: object[]
  readonly seal: MeshContext['seal']
  /** A repository of these files, imported and announced. */
  importAs(name: string, files: Readonly<Record<string, Uint8Array>>): Promise<string>
  /** Its manifest says something else from now on, and is signed all the same. */
  resign(name: string, change: Partial<Repository>): Promise<void>
  /** Tells the others what it has. */
  announce(): void
  /** No connection is taken or made until `back`. */
  leave(): Promise<void>
  back(): Promise<void>
}

export class MeshPeers implements AsyncDisposable {
  readonly devices: Device[] = []
  readonly members = new Map<string, Membership>()

  async add(name: string, role: Role = 'member'): Promise<Device> {
    const privateKey = await generateKeyPair('Ed25519')
    const libp2p = await createLibp2p({
      privateKey,
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [socketTls()],
      streamMuxers: [sparingYamux()],
      connectionMonitor: { enabled: false }
    })
    const peerId = peerIdFromPrivateKey(privateKey).toString()
    this.members.set(peerId, { peerId, name, role } as Membership)
    const store = new MemoryStore()
    const offers = new Map<string, Access | undefined>()
    const warnings: object[] = []
    const log = {
      debug() {},
      info() {},
      warn: (fields: object) => void warnings.push(fields),
      error: console.error
    }
    const transfer = new WeightTransfer({
      store,
      clock: systemClock,
      random: Math.random,
      log,
      offeredTo: model => (offers.has(model) ? offers.get(model) : 'everyone')
    })
    const seal: MeshContext['seal'] = async (kind, value) =>
      (await sealRecord(kind, value, privateKey)).envelope
    const part = transfer.join({ ...this.#contextOf(peerId, privateKey, libp2p, () => device), seal })
    const [protocol] = part.protocols!
    const handle: StreamHandler = (stream, connection) => {
      const other = this.members.get(connection.remotePeer.toString())
      if (other === undefined) stream.abort(new Error('no member'))
      else return protocol!.handle(stream, connection)
    }
    await libp2p.handle([...protocol!.ids], handle, { maxInboundStreams: protocol!.inboundMax })
    const device: Device = {
      ...{ peerId, name, libp2p, store, transfer, part, offers, warnings, seal },
      announce: () => {
        for (const other of this.devices)
          if (other !== device) other.part.onManifest!(peerId, part.manifest!())
      },
      importAs: async (name, files) => {
        for (const bytes of Object.values(files)) store.keep(bytes)
        const repository = repositoryOf(name, files)
        await store.add(repository, (await sealRecord(REPOSITORY_MANIFEST, repository, privateKey)).envelope)
        device.announce()
        return repository.cid
      },
      resign: async (name, change) => {
        const {
          envelope: _,
          pinned: __,
          directory: ___,
          ...repository
        } = { ...store.repository(name)!, ...change }
        const { envelope } = await sealRecord(REPOSITORY_MANIFEST, repository, privateKey)
        store.put({ ...store.repository(name)!, envelope })
        device.announce()
      },
      leave: async () => {
        await libp2p.stop()
        for (const other of this.devices) if (other !== device) other.part.onGone!(peerId)
      },
      back: async () => {
        await libp2p.start()
        await this.#introduce(device)
        device.announce()
      },
      [Symbol.asyncDispose]: async () => await libp2p.stop()
    }
    await this.#introduce(device)
    for (const other of this.devices) {
      other.transfer.sharing.met(peerId)
      device.transfer.sharing.met(other.peerId)
    }
    this.devices.push(device)
    return device
  }

  async #introduce({ libp2p }: Device): Promise<void> {
    for (const other of this.devices) {
      if (other.libp2p === libp2p) continue
      await other.libp2p.peerStore.patch(libp2p.peerId, { multiaddrs: libp2p.getMultiaddrs() })
      await libp2p.peerStore.patch(other.libp2p.peerId, { multiaddrs: other.libp2p.getMultiaddrs() })
    }
  }

  #contextOf(peerId: string, privateKey: PrivateKey, libp2p: Libp2p, device: () => Device): MeshContext {
    const { members } = this
    return {
      peerId,
      meshId: 'mesh',
      privateKey,
      clock: systemClock,
      random: Math.random,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      emit() {},
      members: {
        get: id => members.get(id),
        lastKnown: id => members.get(id),
        list: () => [...members.values()],
        isRevoked: () => false,
        own: { chain: [] },
        removedBy: () => []
      },
      permit: (id, action) => permit({ kind: 'member', ...members.get(id)! }, action, { peerId: id }),
      stated: () => undefined,
      interfaces: () => ({}),
      isConnected: () => true,
      traffic: () => [],
      manifestChanged: () => device().announce(),
      open: (id, protocols, options): Promise<Stream> =>
        libp2p.dialProtocol(peerIdFromString(id), [...protocols], options),
      seal: async () => new Uint8Array(),
      distrust() {},
      connect: async () => {},
      seek: async () => [],
      providers: () => [],
      async *infer() {},
      async *ask() {},
      async publish() {}
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { libp2p } of this.devices) await libp2p.stop()
  }
}
