/** The port of gRPC, where the settings turn it on. What serves it is loaded then. */

import { X509Certificate } from 'node:crypto'
import type { GrpcState } from '../interface/grpc.ts'
import type { TcpAccess } from './access.ts'
import type { Admission } from './admission.ts'
import type { GrpcListener } from './grpc/index.ts'
import { checkReach, hostsOf } from './hosts.ts'
import type { RouteComponents } from './load-routes.ts'

export interface GrpcOptions {
  /** The IP address to listen on. */
  readonly host: string
  /** The first port to try; 0 lets the system choose. */
  readonly port: number
  /** A key and a certificate for these names, both in PEM. */
  certificate(names: readonly string[]): Promise<{ readonly key: string; readonly cert: string }>
}

export interface GrpcPortParts extends Pick<RouteComponents, 'units' | 'clock' | 'log' | 'closing'> {
  readonly admission: Admission
  /** What other devices call this one. */
  readonly hosts: readonly string[]
  /** What programs must show now. */
  credentials(): Pick<TcpAccess, 'token' | 'named' | 'sessions'>
}

const OWN_NAMES = ['localhost', '127.0.0.1', '::1']
const NO_ORIGINS: ReadonlySet<string> = new Set()

export class GrpcPort {
  readonly #parts: GrpcPortParts
  readonly #options: GrpcOptions | undefined
  #listener: GrpcListener | undefined
  #cert: string | undefined

  constructor(parts: GrpcPortParts, options: GrpcOptions | undefined) {
    this.#parts = parts
    this.#options = options
  }

  state(): GrpcState {
    const port = this.#listener?.port
    if (port === undefined) return { address: null, fingerprint: null, certificate: null }
    const [address = null] = hostsOf(this.#options!.host, port, [])
    const { fingerprint256: fingerprint } = new X509Certificate(this.#cert!)
    return { address, fingerprint, certificate: this.#cert! }
  }

  async start(): Promise<void> {
    if (this.#options === undefined) return
    const { admission, hosts, credentials, ...parts } = this.#parts
    const { host, port, certificate } = this.#options
    checkReach('grpc', { host, hosts })
    const { key, cert } = await certificate([...OWN_NAMES, ...hosts])
    const { GrpcListener } = await import('./grpc/index.ts')
    this.#cert = cert
    this.#listener = new GrpcListener({
      ...parts,
      ...{ host, port, key, cert },
      admit: incoming =>
        admission.of(incoming, {
          ...credentials(),
          hosts: hostsOf(host, incoming.socket.localPort ?? 0, hosts),
          origins: NO_ORIGINS,
          isGrpc: true
        })
    })
    await this.#listener.start()
  }

  /** Ends all connections: the token is another one. */
  cut(): void {
    this.#listener?.cut()
  }

  async close(drainMs: number): Promise<void> {
    await this.#listener?.close(drainMs)
  }
}
