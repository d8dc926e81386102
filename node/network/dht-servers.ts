/** Asks the servers of the DHT that are nearest to a key. */

import type { PeerId, PeerInfo } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { CID } from 'multiformats/cid'
import type { Clock } from '../../interface/clock.ts'
import { Deadline } from './deadline.ts'

/** For the walk to the nearest servers: one that is silent leaves time to ask those that were heard. */
const NEAREST_MS = 1500
/** As many as the library's own walk ends with. */
const SERVERS_MAX = 20
/** Servers that are asked at once. */
const ASKED_AT_ONCE = 8

/** What is used of the library's class beyond its type. */
type Inside = KadDHT & {
  readonly network: {
    sendRequest(
      to: PeerId,
      message: { readonly type: 'GET_PROVIDERS'; readonly key: Uint8Array },
      options: { readonly signal: AbortSignal; readonly path: object }
    ): AsyncIterable<{ readonly name: string; readonly providers?: readonly PeerInfo[] }>
  }
}

const NO_PATH = { index: -1, queued: 0, running: 0, total: 0 }

/**
 * The providers that each of the nearest servers names. The library's own search ends with the first twenty names,
 * which one server can make up.
 */
export async function askForProviders(
  { dht, clock }: { readonly dht: KadDHT; readonly clock: Clock },
  key: CID,
  signal: AbortSignal
): Promise<PeerInfo[][]> {
  using deadline = new Deadline(clock, NEAREST_MS, signal)
  const servers = await nearest(dht, key, deadline.signal)
  signal.throwIfAborted()
  const answers: PeerInfo[][] = []
  const ask = async (): Promise<void> => {
    for (let server = servers.shift(); server !== undefined; server = servers.shift()) {
      const message = { type: 'GET_PROVIDERS', key: key.multihash.bytes } as const
      const events = (dht as Inside).network.sendRequest(server, message, { signal, path: NO_PATH })
      for await (const { name, providers = [] } of events)
        if (name === 'PEER_RESPONSE' && providers.length > 0) answers.push([...providers])
    }
  }
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask))
  return answers
}

/** Where the walk is cut, the servers that were heard last: it comes nearer with each. */
async function nearest(dht: KadDHT, key: CID, signal: AbortSignal): Promise<PeerId[]> {
  const servers: PeerId[] = []
  const heard: PeerId[] = []
  try {
    for await (const event of dht.getClosestPeers(key.multihash.bytes, { signal })) {
      if (event.name === 'FINAL_PEER') servers.push(event.peer.id)
      else if (event.name === 'PEER_RESPONSE') heard.push(event.from)
    }
  } catch (err) {
    if (heard.length === 0) throw err
  }
  return servers.length > 0 ? servers : heard.slice(-SERVERS_MAX)
}

/** @returns how many servers took the record. */
export async function provideAt(dht: KadDHT, key: CID, signal: AbortSignal): Promise<number> {
  let taken = 0
  for await (const event of dht.provide(key, { signal }))
    if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') taken++
  return taken
}
