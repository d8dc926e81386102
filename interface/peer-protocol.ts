/** Protocols between peers that a floor above the node serves, such as one for remote units: messages, not frames or streams of libp2p. */

import type { AbortOptions } from './lifecycle.ts'
import type { Role } from './membership.ts'

export interface PeerProtocol {
  /** One id for each version, the newest first: both sides take the first that both know. */
  readonly ids: readonly string[]
  /** Roles that may open it. A role that is not named here may not. */
  readonly roles: readonly Role[]
  readonly limits: PeerProtocolLimits
  /** Serves one stream until it returns, which closes the stream. What it throws resets it. */
  handler(stream: PeerStream): Promise<void>
}

export interface PeerProtocolLimits {
  /** Streams that one connection may have open. */
  readonly streamsMax: number
  /** A peer that sends a longer message loses the stream. At most 1 MiB. */
  readonly messageBytesMax: number
}

export interface PeerStream {
  readonly peerId: string
  /** The id that both sides know. */
  readonly protocol: string
  /**
   * The next message; undefined when the peer has closed its side. One read at a time.
   *
   * @throws {LumosError} `FRAME_TOO_LARGE`, `SLOW_PEER` or `PEER_UNREACHABLE`: the stream is lost.
   */
  read(options?: AbortOptions): Promise<Uint8Array | undefined>
  /** Resolves when there is room for the next message, so that a slow reader slows its writer. */
  write(message: Uint8Array, options?: AbortOptions): Promise<void>
  /** Close this side after all that was written. */
  close(options?: AbortOptions): Promise<void>
}

export interface NodeProtocols {
  /** Before the node starts. The protocol is served in every mesh that the node enters. */
  serve(protocol: PeerProtocol): void
  /** A stream to a peer, dialed when it is not connected. */
  open(
    peerId: string,
    protocol: Pick<PeerProtocol, 'ids' | 'limits'>,
    options?: AbortOptions
  ): Promise<PeerStream>
}
