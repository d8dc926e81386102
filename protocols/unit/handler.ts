/** The listener's half: units that peers call on this node, bounded by what each of them has under way. */

import type { Connection, Stream } from '@libp2p/interface'
import { PeerLoad, TotalLoad } from '../wire/peer-load.ts'
import { ServedStream, type UnitHandlerComponents, type UnitHandlerLimits } from './served-stream.ts'

/** Inputs of all peers together: thousands of calls. */
const INPUT_BYTES_MAX = 32 * 1024 * 1024
/** A peer that asks for more waits, or is refused. */
const INPUT_BYTES_PER_PEER_MAX = 8 * 1024 * 1024
const LIMITS = { inputBytesMax: INPUT_BYTES_MAX, inputBytesPerPeerMax: INPUT_BYTES_PER_PEER_MAX }

export class UnitHandler {
  readonly #components: UnitHandlerComponents
  readonly #limits: UnitHandlerLimits
  readonly #loads = new Map<string, PeerLoad>()
  readonly #streams = new Set<ServedStream>()
  readonly #total = new TotalLoad(LIMITS)

  constructor(components: UnitHandlerComponents, limits: UnitHandlerLimits = {}) {
    this.#components = components
    this.#limits = limits
  }

  /** Serve a stream until it ends. Never rejects. */
  readonly onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const peerId = connection.remotePeer.toString()
    const load = this.#loads.get(peerId) ?? new PeerLoad(peerId, this.#total, LIMITS)
    this.#loads.set(peerId, load)
    load.streams++
    const served = new ServedStream(stream, load, this.#components, this.#limits)
    this.#streams.add(served)
    try {
      await served.run()
    } finally {
      this.#streams.delete(served)
      // Calls that still unwind count until they have, so their peer stays in the table.
      load.streams--
      for (const [id, { isOver }] of this.#loads) if (isOver) this.#loads.delete(id)
    }
  }

  /** Closes all streams, and cancels what is under way on them. */
  close(): void {
    for (const served of [...this.#streams]) served.stop()
  }
}
