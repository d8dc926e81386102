/** Streams of calls of all peers, and what each peer has under way on them. */

import type { Connection, Stream } from '@libp2p/interface'
import { type LoadLimits, PeerLoad, TotalLoad } from './peer-load.ts'

/** A stream that is served. */
interface Served {
  /** Serves it until it ends. */
  run(): Promise<void>
  /** The node stops. */
  stop(): void
}

export class PeerStreams<S extends Served> {
  readonly #limits: LoadLimits
  readonly #serve: (stream: Stream, load: PeerLoad) => S
  readonly #loads = new Map<string, PeerLoad>()
  readonly #streams = new Set<S>()
  readonly #total: TotalLoad

  constructor(limits: LoadLimits, serve: (stream: Stream, load: PeerLoad) => S) {
    this.#limits = limits
    this.#serve = serve
    this.#total = new TotalLoad(limits)
  }

  [Symbol.iterator](): Iterator<S> {
    return this.#streams.values()
  }

  /** Serve a stream until it ends. Never rejects. */
  readonly onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const peerId = connection.remotePeer.toString()
    const load = this.#loads.get(peerId) ?? new PeerLoad(peerId, this.#total, this.#limits)
    this.#loads.set(peerId, load)
    load.streams++
    const served = this.#serve(stream, load)
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

  /** Closes all streams, and gives up what is under way on them. */
  close(): void {
    for (const served of [...this.#streams]) served.stop()
  }
}
