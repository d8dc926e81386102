/** A libp2p node as `node/` builds it, as far as the speed of a stream goes. */

import { tcp } from '@libp2p/tcp'
import { createLibp2p, type Libp2p } from 'libp2p'
import { socketTls } from '../protocols/transport/tls/index.ts'
import { sparingYamux } from '../protocols/transport/yamux.ts'

export const createPeer = (listen: string[] = []): Promise<Libp2p> =>
  createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [socketTls()],
    streamMuxers: [sparingYamux()],
    connectionMonitor: { enabled: false }
  })
