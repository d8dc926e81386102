/** A device that moves weights, as a process of its own: libp2p, a store on disk, and members that are numbers. */

import { createCipheriv, createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { systemClock } from '../../../interface/clock.ts'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import type { Membership } from '../../../interface/membership.ts'
import type { FetchProgress } from '../../../node/weights/transfer/fetch.ts'
import { WeightTransfer } from '../../../node/weights/transfer/transfer.ts'
import { socketTls } from '../../../protocols/transport/tls/index.ts'
import { sparingYamux } from '../../../protocols/transport/yamux.ts'
import { REPOSITORY_MANIFEST } from '../../../protocols/weights/repository-manifest.ts'
import { sealRecord } from '../../../protocols/wire/signed-record.ts'
import { openDatabase } from '../../../storage/database/database.ts'
import { featureMigrations } from '../../../storage/database/feature-database.ts'
import { WEIGHT_TABLES } from '../../../storage/weights/schema.ts'
import { DiskWeightStore } from '../../../storage/weights/weight-store.ts'

export interface DeviceArguments {
  readonly number: number
  readonly directory: string
  /** Each leaf that it sends has one wrong bit. */
  readonly lies?: boolean
  /** Of a model that it imports. */
  readonly leaves?: number
}

export interface Introduction {
  readonly number: number
  readonly addresses: readonly string[]
  readonly held: string | undefined
  /** Of the model that it has imported. */
  readonly cid: string | undefined
}

export type Order =
  | { readonly meet: Introduction }
  | {
      readonly fetch: string
      /** The process kills itself with `SIGKILL` once so many leaves are there. */
      readonly dieAt?: number
      /** All room of its disk is taken once so many leaves are there. */
      readonly fillAt?: number
    }

export type Said =
  | { readonly introduction: Introduction }
  | { readonly progress: FetchProgress }
  /** What its manifest says of weights from now on. */
  | { readonly held: string | undefined }
  | { readonly fetched: FetchProgress['sources']; readonly directory: string }
  | { readonly failed: { readonly code: string; readonly message: string } }
  | { readonly warning: string }

const MEMBERS = 16
const keyOf = (number: number) => generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(number))
const say = (said: Said): void => void process.send!(said)
const { number, directory, lies = false, leaves } = JSON.parse(process.argv[2]!) as DeviceArguments

const members = new Map<string, Membership>()
for (let other = 1; other <= MEMBERS; other++) {
  const peerId = peerIdFromPrivateKey(await keyOf(other)).toString()
  members.set(peerId, { peerId, name: `device-${other}`, role: 'member' } as Membership)
}
const log = {
  ...{ debug() {}, info() {}, error: console.error },
  warn: (_: object, text: string) => say({ warning: text })
}
const privateKey = await keyOf(number)
const libp2p = await createLibp2p({
  privateKey,
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [socketTls()],
  streamMuxers: [sparingYamux()],
  connectionMonitor: { enabled: false }
})
mkdirSync(dirname(directory), { recursive: true })
const database = openDatabase(`${directory}.db`, {
  migrations: featureMigrations(WEIGHT_TABLES),
  synchronous: 'FULL'
})
const random = Math.random
const parts = { database, directory, diskMax: null, clock: systemClock, random, log }
const store = await DiskWeightStore.open({ ...parts, onChange() {} })
const transfer = new WeightTransfer({ store, clock: systemClock, random, log, offeredTo: () => 'everyone' })
const heldNow = (): string | undefined => {
  const held = part.manifest!()
  return held && Buffer.from(held).toString('hex')
}
const part = transfer.join({
  ...{ peerId: libp2p.peerId.toString(), meshId: 'mesh', privateKey, clock: systemClock, random, log },
  emit() {},
  members: {
    get: id => members.get(id),
    lastKnown: id => members.get(id),
    list: () => [...members.values()],
    isRevoked: () => false,
    own: { chain: [] },
    removedBy: () => []
  },
  permit() {},
  stated: () => undefined,
  interfaces: () => ({}),
  isConnected: () => true,
  traffic: () => [],
  manifestChanged: () => say({ held: heldNow() }),
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
for (const { ids, handle, inboundMax } of part.protocols!)
  await libp2p.handle([...ids], handle, { maxInboundStreams: inboundMax })

if (lies) {
  const block = store.block.bind(store)
  store.block = async (cid, into) => {
    const bytes = await block(cid, into)
    if (bytes?.byteLength === LEAF_BYTES) bytes[77]! ^= 1
    return bytes
  }
}
const cid = leaves === undefined ? undefined : await importModel(leaves)
say({
  introduction: { number, cid, addresses: libp2p.getMultiaddrs().map(String), held: heldNow() }
})
process.on('disconnect', () => process.exit(0))
/** Of those that were to be met before. */
let met = Promise.resolve()
process.on('message', (order: Order) => {
  if ('meet' in order) met = met.then(() => meet(order.meet))
  else met.then(() => fetch(order)).catch(({ code, message }) => say({ failed: { code, message } }))
})

async function meet({ number, addresses, held }: Introduction): Promise<void> {
  const peerId = peerIdFromPrivateKey(await keyOf(number))
  await libp2p.peerStore.patch(peerId, { multiaddrs: addresses.map(address => multiaddr(address)) })
  part.onManifest!(peerId.toString(), held === undefined ? undefined : Buffer.from(held, 'hex'))
}

async function fetch({ fetch: cid, dieAt, fillAt }: Extract<Order, { fetch: string }>): Promise<void> {
  let isFull = false
  const { sources, repository } = await transfer.fetch(cid, {
    onProgress(progress) {
      say({ progress })
      const there = progress.bytesDone / LEAF_BYTES
      if (dieAt !== undefined && there >= dieAt) process.kill(process.pid, 'SIGKILL')
      if (fillAt === undefined || there < fillAt || isFull) return
      isFull = true
      fill(join(directory, '..', 'ballast'))
    }
  })
  say({ fetched: sources, directory: repository.directory })
}

/** Takes all room that there is, at once. */
function fill(path: string): void {
  for (const bytes of [LEAF_BYTES, 4096]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' })
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ENOSPC') throw err
    }
  }
}

/** The same bytes on each device. */
async function importModel(leaves: number): Promise<string> {
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16))
  const content = stream.update(Buffer.alloc(leaves * LEAF_BYTES))
  const sha256 = createHash('sha256').update(content).digest('hex')
  if (store.file(sha256) === undefined) {
    const partial = await store.partial(sha256, content.length)
    for (let leaf = 0; leaf < leaves; leaf++)
      await partial.write(leaf, content.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES))
    await partial.finish({ sha256 })
  }
  const files = [{ ...store.file(sha256)!, path: 'model.bin' }]
  const repository = { name: 'model', cid: await store.directoryOf(files), bytes: content.length, files }
  await store.add(repository, (await sealRecord(REPOSITORY_MANIFEST, repository, privateKey)).envelope)
  return repository.cid
}
