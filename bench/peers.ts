/** A libp2p node as `node/` builds it, as far as the speed of a stream goes. */

import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import { YAMUX_LIMITS } from '../protocols/limits.ts'

export const createPeer = (listen: string[] = []): Promise<Libp2p> =>
  createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux(YAMUX_LIMITS)],
    connectionMonitor: { enabled: false }
  })
