/** Where a gateway listens, for whom, and what it keeps. */

import type { AdoptionStore } from './adopted-ports.ts'
import type { GrpcOptions } from './grpc-port.ts'
import type { NamedTokens } from './named-tokens.ts'
import type { KeptSessions } from './sessions.ts'

export interface GatewayOptions {
  readonly socketPath: string
  /** What programs must show on TCP. */
  readonly token: string
  /** Puts another in its place, durably. */
  newToken(): string
  /** Tokens of programs, each for a part of what that one opens. Absent: there are none. */
  readonly named?: NamedTokens
  /** The IP address to listen on. */
  readonly host: string
  /** What other devices call this one. None is needed on loopback, at least one elsewhere. */
  readonly hosts: readonly string[]
  /** Origins of pages elsewhere that may use `/v1`. */
  readonly origins: readonly string[]
  /** Other names of models. */
  readonly aliases?: Readonly<Record<string, string>>
  /** The first port to try; the ones after it are tried when it is taken. 0 lets the system choose. */
  readonly port: number
  /** The ports of other programs that it takes; absent: none, and they are not kept. */
  readonly adopted?: AdoptionStore
  /** Where the sessions of browsers outlive the node; absent: they end with it. */
  readonly sessions?: KeptSessions['store']
  /** Absent: the gateway speaks no gRPC. */
  readonly grpc?: GrpcOptions | undefined
}
