/** Where a peer says that it is: the addresses of its manifest that lead to it, and that can be read. */

import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Manifest } from '../../interface/manifest.ts'

export const manifestAddresses = ({ peerId, addresses }: Manifest): Multiaddr[] =>
  addresses.filter(address => address.endsWith(`/p2p/${peerId}`)).flatMap(readable)

/** The schema of manifests does not know every transport there is; a peer may write what it likes. */
function readable(address: string): Multiaddr[] {
  try {
    return [multiaddr(address)]
  } catch {
    return []
  }
}
