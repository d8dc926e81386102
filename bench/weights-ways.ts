/** The ways by which a file gets from one process to the disk of another: this mesh's, plain HTTP, stock Bitswap. */

import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { unixfs } from '@helia/unixfs'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createHelia } from 'helia'
import { CID } from 'multiformats/cid'
import type { FetchProgress } from '../node/weights/transfer/fetch.ts'
import { callsUntil } from './weights-calls.ts'
import { startDevice } from './weights-device.ts'

/** Thousands of calls. */
const CALLS_ALONE_MS = 2000

export const WAYS = ['lumos', 'HTTP', 'Bitswap'] as const
export type Way = (typeof WAYS)[number]

/** What a receiver must know. */
export interface Offer {
  /** The receiver says on stderr how far it is. */
  readonly loud?: boolean
  readonly addresses?: string[]
  readonly held?: string
  readonly port?: number
  readonly cid?: string
}

export interface Content {
  /** The file itself. */
  readonly file: string
  /** A store that has it as a repository. */
  readonly store: string
  readonly cid: string
}

export const SEND: Record<Way, (content: Content) => Promise<Offer>> = {
  async lumos({ store, cid }) {
    const { libp2p, held } = await startDevice('sender', store)
    return { addresses: libp2p.getMultiaddrs().map(String), held: Buffer.from(held!).toString('hex'), cid }
  },
  async HTTP({ file }) {
    const { size } = await stat(file)
    const server = createServer((_, response) => {
      response.setHeader('content-length', size)
      pipeline(createReadStream(file), response).catch(() => {})
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return { port: (server.address() as AddressInfo).port }
  },
  async Bitswap({ file }) {
    const helia = await startHelia(['/ip4/127.0.0.1/tcp/0'])
    const cid = await unixfs(helia).addByteStream(createReadStream(file))
    return { addresses: helia.libp2p.getMultiaddrs().map(String), cid: cid.toString() }
  }
}

/** A line for each tenth. */
function progressTo(say: (line: string) => void) {
  const sinceMs = performance.now()
  let tenths = 0
  return ({ bytesDone, bytesTotal }: FetchProgress): void => {
    if (bytesDone * 10 < (tenths + 1) * bytesTotal) return
    tenths = Math.floor((bytesDone * 10) / bytesTotal)
    const rate = bytesDone / 1000 / (performance.now() - sinceMs)
    say(`  ${Math.round(bytesDone / 1e6)} of ${Math.round(bytesTotal / 1e6)} MB, ${Math.round(rate)} MB/s`)
  }
}

/** Made before the clock runs; what it gives back takes the file to `path`, and says how many bytes of it were there. */
export const RECEIVE: Record<Way, (offer: Offer, path: string) => Promise<() => Promise<number>>> = {
  async lumos({ addresses, held, cid, loud }, path) {
    const { libp2p, transfer, heard } = await startDevice('receiver', path)
    await libp2p.dial(addresses!.map(address => multiaddr(address)))
    heard(Buffer.from(held!, 'hex'))
    return async () => {
      const { sources } = await transfer.fetch(cid!, loud ? { onProgress: progressTo(console.error) } : {})
      return sources.find(({ from }) => from === 'disk')?.bytes ?? 0
    }
  },
  async HTTP({ port }, path) {
    return async () => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get({ port, host: '127.0.0.1' }, resolve).on('error', reject)
      })
      await pipeline(response, createWriteStream(path, { flush: true }))
      return 0
    }
  },
  async Bitswap({ addresses, cid }, path) {
    const helia = await startHelia([])
    await helia.libp2p.dial(addresses!.map(address => multiaddr(address)))
    return async () => {
      await pipeline(unixfs(helia).cat(CID.parse(cid!)), createWriteStream(path, { flush: true }))
      return 0
    }
  }
}

/** Beside calls, and then calls beside the transfer. */
export async function receiveBesideCalls({ addresses, held, cid }: Offer, path: string) {
  const { libp2p, transfer, heard } = await startDevice('receiver', path)
  const { remotePeer } = await libp2p.dial(addresses!.map(address => multiaddr(address)))
  heard(Buffer.from(held!, 'hex'))
  const pause = new Promise(resolve => setTimeout(resolve, CALLS_ALONE_MS))
  const aloneMs = await callsUntil(libp2p, remotePeer, pause)
  const besideMs = await callsUntil(libp2p, remotePeer, transfer.fetch(cid!))
  return { aloneMs, besideMs }
}

/** As its README has it, but for the peers of the public network, which nothing here reaches. */
async function startHelia(listen: string[]) {
  const helia = createHelia({
    libp2p: {
      addresses: { listen },
      transports: [tcp()],
      peerDiscovery: [],
      services: { identify: identify() }
    }
  })
  await helia.start()
  return helia
}
