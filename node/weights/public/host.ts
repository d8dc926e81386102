/**
 * A libp2p host for strangers, apart from the mesh: a key and a port of its own, identify and Bitswap, and nothing
 * else. It answers blocks of the models that the settings list, and dials no peer.
 */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { createLibp2p } from 'libp2p'
import type { Clock } from '../../../interface/clock.ts'
import type { Logger } from '../../../interface/lifecycle.ts'
import {
  BITSWAP_PROTOCOL,
  BITSWAP_STREAMS_INBOUND_MAX,
  BitswapHandler,
  type PublicBlocks
} from '../../../protocols/bitswap/index.ts'
import { socketTls } from '../../../protocols/transport/tls/index.ts'
import { sparingYamux } from '../../../protocols/transport/yamux.ts'
import { zonedTcp } from '../../../protocols/transport/zoned-tcp.ts'
import { PRIVATE_DIR_MODE } from '../../../storage/database/durable-file.ts'
import { createKey, loadKey } from '../../../storage/keys/keychain.ts'
import type { WeightStore } from '../../../storage/weights/types.ts'
import { ConnectionLimits } from '../../network/connection-limits.ts'
import { HANDSHAKE_TIMEOUT_MS } from '../../network/libp2p.ts'
import { placeToListen } from '../../network/listen-port.ts'
import { noiseOnDemand } from '../../network/noise.ts'
import type { PublicSettings } from './settings.ts'

/** Above what `ConnectionLimits` keeps, which closes the oldest; libp2p would turn away the next to come. */
const CONNECTIONS_MAX = 64
/** As for a mesh: a network behind one router shares its address. */
const CONNECTIONS_PER_SECOND_AND_ADDRESS_MAX = 50
/** One answer at a time, and one that is closing. */
const STREAMS_OUTBOUND_MAX = 2

export interface PublicHostComponents {
  readonly settings: PublicSettings
  readonly store: Pick<WeightStore, 'block' | 'hasBlock' | 'namesOf'>
  /** Where its key is kept. */
  readonly directory: string
  readonly clock: Clock
  readonly log: Logger
}

export class PublicHost {
  readonly #libp2p: Libp2p
  readonly addresses: readonly string[]

  private constructor(libp2p: Libp2p, addresses: readonly string[]) {
    this.#libp2p = libp2p
    this.addresses = addresses
  }

  /** @throws {LumosError} `CONFIG_INVALID` where the host is no address of this device. */
  static async start({ settings, store, directory, clock, log }: PublicHostComponents): Promise<PublicHost> {
    const { hosts, port } = await placeToListen(settings.host, settings.port, 'weights.public')
    mkdirSync(directory, { recursive: true, mode: PRIVATE_DIR_MODE })
    const path = join(directory, 'public.key')
    const privateKey = (await loadKey(path)) ?? (await createKey(path))
    // No peer of this host is a member of anything.
    const limits = new ConnectionLimits(() => false)
    let open = (): readonly string[] => []
    const libp2p = await createLibp2p({
      ...{ start: false, privateKey },
      nodeInfo: { userAgent: 'lumos-node' },
      addresses: {
        listen: hosts.map(host => `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}`),
        // A stranger knows the address that it has dialed, and learns no other one of this device.
        announceFilter: () => []
      },
      transports: [zonedTcp()],
      connectionEncrypters: [socketTls(), noiseOnDemand()],
      streamMuxers: [sparingYamux()],
      connectionManager: {
        maxConnections: CONNECTIONS_MAX,
        maxIncomingPendingConnections: CONNECTIONS_MAX,
        inboundUpgradeTimeout: HANDSHAKE_TIMEOUT_MS,
        inboundConnectionThreshold: CONNECTIONS_PER_SECOND_AND_ADDRESS_MAX,
        reconnectRetries: 0
      },
      connectionMonitor: { enabled: false },
      connectionGater: { ...limits.gater, denyDialPeer: () => true, denyDialMultiaddr: () => true },
      services: {
        // What a stranger would say of itself is of no use here.
        identify: identify({ runOnConnectionOpen: false, maxInboundStreams: 1, maxOutboundStreams: 1 }),
        addresses: (parts: { transportManager: { getAddrs(): { toString(): string }[] } }) => {
          open = () => parts.transportManager.getAddrs().map(String)
          return {}
        }
      }
    })
    limits.watch(libp2p)
    const blocks = publicBlocks(store, settings.models)
    const handler = new BitswapHandler({ clock, log, blocks })
    await libp2p.handle(BITSWAP_PROTOCOL, handler.onStream, {
      maxInboundStreams: BITSWAP_STREAMS_INBOUND_MAX,
      maxOutboundStreams: STREAMS_OUTBOUND_MAX
    })
    await libp2p.start()
    const addresses = open().map(address => `${address}/p2p/${libp2p.peerId}`)
    log.info({ addresses, models: settings.models }, 'weights are public')
    return new PublicHost(libp2p, addresses)
  }

  async stop(): Promise<void> {
    await this.#libp2p.stop()
  }
}

/** Blocks that belong to a repository of these names. All else is answered as if it were not here. */
function publicBlocks(store: PublicHostComponents['store'], models: readonly string[]): PublicBlocks {
  const names = new Set(models)
  const isPublic = (cid: string): boolean => store.namesOf(cid).some(name => names.has(name))
  return {
    has: cid => isPublic(cid) && store.hasBlock(cid),
    block: async cid => (isPublic(cid) ? await store.block(cid) : undefined)
  }
}
