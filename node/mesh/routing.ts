/** How the router takes part in a mesh: it learns of members that can be asked. */

import type { Logger } from '../../interface/lifecycle.ts'
import type { Participation } from '../feature.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import type { Peers } from '../routing/peers.ts'

/** Members that have said hello can be asked. */
export const routingOf = (log: Logger, libp2p: MeshLibp2p, peers: Peers): Participation => ({
  onMember({ connection, rttMs }) {
    peers.introduce(connection.remotePeer.toString(), rttMs)
    // Tells libp2p what the peer speaks; only now would the peer let us ask.
    libp2p.services.identify.identify(connection).catch(err => log.debug({ err }, 'could not identify'))
  },
  stop: () => peers.close()
})
