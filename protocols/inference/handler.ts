/**
 * The listener's half: requests of peers, answered by this node's own service.
 *
 * Calls are bounded by how many a peer has under way, not by how many a second: a
 * thousand small calls in a second are honest work when each is quick, and the
 * service behind this refuses, with a time to come back, what its engines cannot
 * take. What a peer can make this node hold is bounded by calls and bytes.
 */

import type { Connection, Stream } from '@libp2p/interface'
import type { LumosError } from '../../interface/errors.ts'
import type { InferenceRequest } from '../../interface/inference.ts'
import { PeerLoad, TotalLoad } from '../wire/peer-load.ts'
import {
  type InferenceHandlerComponents,
  type InferenceHandlerLimits,
  ServedStream
} from './served-stream.ts'

export class InferenceHandler {
  readonly #components: InferenceHandlerComponents
  readonly #limits: InferenceHandlerLimits
  readonly #loads = new Map<string, PeerLoad>()
  readonly #streams = new Set<ServedStream>()
  readonly #total: TotalLoad

  constructor(components: InferenceHandlerComponents, limits: InferenceHandlerLimits = {}) {
    this.#components = components
    this.#limits = limits
    this.#total = new TotalLoad(limits)
  }

  /** Serve a stream until it ends. Never rejects. */
  readonly onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const peerId = connection.remotePeer.toString()
    const load = this.#loads.get(peerId) ?? new PeerLoad(peerId, this.#total, this.#limits)
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
    for (const served of [...this.#streams]) served.stop()
  }
}
