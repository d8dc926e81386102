/** What is handed to libp2p for a dial. */

import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, type Multiaddr } from '@multiformats/multiaddr'

/**
 * Made here, where nothing else is in scope, of text: a target outlives the event it
 * came with, and the bytes of that event's `PeerId` are often a slice of Node's pool,
 * of which each target would keep 64 KiB.
 */
export const dialById = (peerId: string) => () => peerIdFromString(peerId)
export const dialAt = (addresses: Multiaddr[]) => () => addresses

/** A place without the peer that is there. */
export const bareOf = (address: Multiaddr): Multiaddr => address.decapsulateCode(CODE_P2P)

export function peerIdOf(to: PeerId | Multiaddr[]): string | undefined {
  if (!Array.isArray(to)) return to.toString()
  return to[0]?.getComponents().findLast(({ name }) => name === 'p2p')?.value
}
