/** A device as far as moving weights goes: libp2p, a store on disk, and a mesh of two that know each other. */

import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { createLibp2p, type Libp2p } from 'libp2p'
import { systemClock } from '../interface/clock.ts'
import type { Membership } from '../interface/membership.ts'
import { WeightTransfer } from '../node/weights/transfer/transfer.ts'
import { socketTls } from '../protocols/transport/tls/index.ts'
import { sparingYamux } from '../protocols/transport/yamux.ts'
import { openDatabase } from '../storage/database/database.ts'
import { featureMigrations } from '../storage/database/feature-database.ts'
import { WEIGHT_TABLES } from '../storage/weights/schema.ts'
import { DiskWeightStore } from '../storage/weights/weight-store.ts'
import { ECHO, echo } from './weights-calls.ts'

export type Side = 'sender' | 'receiver'

const log = { debug() {}, info() {}, warn: console.warn, error: console.error }

export const keyOf = (side: Side): Promise<PrivateKey> =>
  generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(side === 'sender' ? 1 : 2))

export async function openStore(directory: string): Promise<DiskWeightStore> {
  const database = openDatabase(`${directory}.db`, {
    migrations: featureMigrations(WEIGHT_TABLES),
    synchronous: 'FULL'
  })
  const parts = { database, directory, diskMax: null, clock: systemClock, random: Math.random, log }
  return await DiskWeightStore.open({ ...parts, onChange() {} })
}

export interface Device {
  readonly libp2p: Libp2p
  readonly store: DiskWeightStore
  readonly transfer: WeightTransfer
  /** What its manifest says of weights. */
  readonly held: Uint8Array | undefined
  /** The other one says that in its own. */
  heard(held: Uint8Array): void
}

export async function startDevice(side: Side, directory: string): Promise<Device> {
  const [privateKey, other] = await Promise.all([
    keyOf(side),
    keyOf(side === 'sender' ? 'receiver' : 'sender')
  ])
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: side === 'sender' ? ['/ip4/127.0.0.1/tcp/0'] : [] },
    transports: [tcp()],
    connectionEncrypters: [socketTls()],
    streamMuxers: [sparingYamux()],
    connectionMonitor: { enabled: false }
  })
  const store = await openStore(directory)
  const offeredTo = (): 'everyone' => 'everyone'
  const transfer = new WeightTransfer({ store, clock: systemClock, random: Math.random, log, offeredTo })
  const otherId = peerIdFromPrivateKey(other).toString()
  const member = { peerId: otherId, name: 'other', role: 'member' } as Membership
  const get = (id: string): Membership | undefined => (id === otherId ? member : undefined)
  const part = transfer.join({
    ...{
      peerId: libp2p.peerId.toString(),
      meshId: 'bench',
      privateKey,
      clock: systemClock,
      random: Math.random,
      log
    },
    emit() {},
    members: {
      get,
      lastKnown: get,
      list: () => [member],
      isRevoked: () => false,
      own: { chain: [] },
      removedBy: () => []
    },
    permit() {},
    stated: () => undefined,
    interfaces: () => ({}),
    isConnected: () => true,
    traffic: () => [],
    manifestChanged() {},
    open: (id, protocols, options) => libp2p.dialProtocol(peerIdFromString(id), [...protocols], options),
    seal: async () => new Uint8Array(),
    distrust() {},
    connect: async () => {},
    seek: async () => [],
    providers: () => [],
    async *infer() {},
    async *ask() {},
    async publish() {}
  })
  for (const { ids, handle, inboundMax } of part.protocols!) {
    await libp2p.handle([...ids], handle, { maxInboundStreams: inboundMax })
  }
  await libp2p.handle(ECHO, stream => void echo(stream).catch(() => {}))
  return {
    ...{ libp2p, store, transfer, held: part.manifest!() },
    heard: held => part.onManifest!(otherId, held)
  }
}
