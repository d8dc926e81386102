/** The listener's half: units that peers call on this node, bounded by what each of them has under way. */

import type { Stream } from '@libp2p/interface'
import type { PeerLoad } from '../wire/peer-load.ts'
import { PeerStreams } from '../wire/peer-streams.ts'
import { ServedStream, type UnitHandlerComponents, type UnitHandlerLimits } from './served-stream.ts'

/** Inputs of all peers together: thousands of calls. */
const INPUT_BYTES_MAX = 32 * 1024 * 1024
/** A peer that asks for more waits, or is refused. */
const INPUT_BYTES_PER_PEER_MAX = 8 * 1024 * 1024
const LIMITS = { inputBytesMax: INPUT_BYTES_MAX, inputBytesPerPeerMax: INPUT_BYTES_PER_PEER_MAX }

export class UnitHandler {
  readonly #streams: PeerStreams<ServedStream>

  constructor(components: UnitHandlerComponents, limits: UnitHandlerLimits = {}) {
    const serve = (stream: Stream, load: PeerLoad) => new ServedStream(stream, load, components, limits)
    this.#streams = new PeerStreams(LIMITS, serve)
  }

  /** Serve a stream until it ends. Never rejects. */
  get onStream(): PeerStreams<ServedStream>['onStream'] {
    return this.#streams.onStream
  }

  /** Closes all streams, and cancels what is under way on them. */
  close(): void {
    this.#streams.close()
  }
}
