/** `node.protocols`: protocols of floors above the node, registered anew in each mesh. */

import type { Stream } from '@libp2p/interface'
import { LumosError, toLumosError } from '../interface/errors.ts'
import type {
  NodeProtocols,
  PeerProtocol,
  PeerProtocolLimits,
  PeerStream
} from '../interface/peer-protocol.ts'
import { FrameStream } from '../protocols/wire/frames.ts'
import { FRAME_BYTES_HARD_MAX } from '../protocols/wire/limits.ts'
import type { Feature, MeshContext, NodeParts, Participation, ProtocolService } from './feature.ts'

/** The one type of frame: what a message means is its reader's to know. */
const MESSAGE = 1
/** For a peer to close its side after the handler of its stream has returned. */
const CLOSE_PATIENCE_MS = 10_000

export class PeerProtocols implements Feature<NodeProtocols> {
  readonly name = 'protocols'
  readonly #components: Pick<NodeParts, 'clock' | 'log'>
  readonly #served: ProtocolService[] = []
  #mesh: MeshContext | undefined
  #started = false

  readonly facet: NodeProtocols = {
    serve: protocol => this.#serve(protocol),
    open: async (peerId, { ids, limits }, options) => {
      if (!this.#started) throw new LumosError('NODE_NOT_RUNNING', 'This node has not started.')
      return this.#streamOf(peerId, await this.#mesh!.open(peerId, ids, options), limits)
    }
  }

  constructor(components: Pick<NodeParts, 'clock' | 'log'>) {
    this.#components = components
  }

  join(mesh: MeshContext): Participation {
    this.#mesh = mesh
    return {
      protocols: this.#served,
      start: () => {
        this.#started = true
      }
    }
  }

  #serve({ ids, roles, limits, handler }: PeerProtocol): void {
    if (this.#started) throw new Error(`${ids[0]} must be served before the node starts.`)
    if (limits.messageBytesMax > FRAME_BYTES_HARD_MAX) {
      throw new Error(`A message of ${ids[0]} may be ${FRAME_BYTES_HARD_MAX} bytes at most.`)
    }
    this.#served.push({
      ids,
      openers: roles,
      inboundMax: limits.streamsMax,
      handle: async (stream, { remotePeer }) => {
        const peerId = remotePeer.toString()
        try {
          const served = this.#streamOf(peerId, stream, limits)
          await handler(served)
          await served.close()
          this.#endSoon(stream)
        } catch (thrown) {
          const failure = toLumosError(thrown)
          this.#components.log.warn(
            { peerId, protocol: stream.protocol, code: failure.code, err: thrown },
            'a stream was reset'
          )
          stream.abort(failure)
        }
      }
    })
  }

  /** The handler has returned, so a peer that keeps its own side open loses the stream. */
  #endSoon(stream: Stream): void {
    if (stream.status !== 'open') return
    const timer = this.#components.clock.setTimer(() => {
      stream.abort(new LumosError('SLOW_PEER', 'The peer has not closed its side of the stream.'))
    }, CLOSE_PATIENCE_MS)
    stream.addEventListener('close', () => timer.cancel())
  }

  #streamOf(peerId: string, stream: Stream, { messageBytesMax: bytesMax }: PeerProtocolLimits): PeerStream {
    const frames = new FrameStream(stream, { clock: this.#components.clock })
    return {
      peerId,
      protocol: stream.protocol,
      read: async options => (await frames.read({ ...options, bytesMax }))?.body,
      write: (message, options) => frames.write(MESSAGE, message, options),
      close: options => frames.close(options)
    }
  }
}
