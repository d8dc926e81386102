/** How this node finds others in the DHT of a mesh, and is found there. */

import type { ProviderTable } from '../manifests/index.ts'
import { DhtLookup, type SeekOptions } from '../network/dht-lookup.ts'
import { DhtProvider } from '../network/dht-provider.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import type { NodeContext } from './context.ts'
import { placesOf } from './network.ts'

export interface FindingParts {
  readonly libp2p: MeshLibp2p
  readonly table: ProviderTable
  sayHello(peerId: string): Promise<unknown>
}

export interface Finding {
  seek(keys: readonly string[], options?: SeekOptions): Promise<string[]>
  /** What this node is found by from now on. */
  provide(keys: readonly string[]): void
  /** The hello of this member is done. */
  met(peerId: string): void
  stop(): void
}

export function composeFinding(
  { clock, log }: Pick<NodeContext, 'clock' | 'log'>,
  { libp2p, table, sayHello }: FindingParts
): Finding {
  const addressesOf = (id: string) => placesOf(id, { table, clock, libp2p })
  const lookup = new DhtLookup({ libp2p, clock, log, addressesOf, sayHello })
  const provider = new DhtProvider({ libp2p, clock, log })
  return {
    seek: (keys, options) => lookup.seek(keys, options),
    provide: keys => provider.provide(keys),
    met(peerId) {
      lookup.met(peerId)
      provider.met()
    },
    stop() {
      lookup.stop()
      provider.stop()
    }
  }
}
