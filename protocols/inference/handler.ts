/**
 * The listener's half: requests of peers, answered by this node's own service.
 *
 * Calls are bounded by how many a peer has under way, not by how many a second: a
 * thousand small calls in a second are honest work when each is quick, and the
 * service behind this refuses, with a time to come back, what its engines cannot
 * take. What a peer can make this node hold is bounded by calls and bytes.
 */

import type { Stream } from '@libp2p/interface'
import type { LumosError } from '../../interface/errors.ts'
import type { InferenceRequest } from '../../interface/inference.ts'
import type { PeerLoad } from '../wire/peer-load.ts'
import { PeerStreams } from '../wire/peer-streams.ts'
import {
  type InferenceHandlerComponents,
  type InferenceHandlerLimits,
  ServedStream
} from './served-stream.ts'

export class InferenceHandler {
  readonly #streams: PeerStreams<ServedStream>

  constructor(components: InferenceHandlerComponents, limits: InferenceHandlerLimits = {}) {
    const serve = (stream: Stream, load: PeerLoad) => new ServedStream(stream, load, components, limits)
    this.#streams = new PeerStreams(limits, serve)
  }

  /** Serve a stream until it ends. Never rejects. */
  get onStream(): PeerStreams<ServedStream>['onStream'] {
    return this.#streams.onStream
  }

  /** Ends what is under way for peers that `allowed` throws at: rights were taken away. */
  recheck(allowed: (peerId: string, request: InferenceRequest) => void): void {
    for (const served of this.#streams) served.recheck(allowed)
  }

  /** Ends with `err` what is under way for askers that go on elsewhere; the rest may end here. */
  handOver(err: LumosError, ended?: (peerId: string, request: InferenceRequest) => void): void {
    for (const served of this.#streams)
      for (const { peerId, request } of served.handOver(err)) ended?.(peerId, request)
  }

  /** Closes all streams, and gives up what is under way on them. */
  close(): void {
    this.#streams.close()
  }
}
