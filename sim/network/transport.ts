/** libp2p's door to the simulated network: dials and listens at `/memory/HOST`. */

import {
  type ComponentLogger,
  type Connection,
  type CreateListenerOptions,
  type DialTransportOptions,
  ListenError,
  type Listener,
  type ListenerEvents,
  serviceCapabilities,
  type Transport,
  TypedEventEmitter,
  transportSymbol
} from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { SimConnection } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import type { SimNetwork } from './network.ts'

/** The host in an address of this network. */
const hostOf = (address: Multiaddr): string | undefined =>
  address.getComponents().find(({ name }) => name === 'memory')?.value

export class SimTransport implements Transport {
  readonly [transportSymbol] = true as const
  readonly [Symbol.toStringTag] = 'sim-transport'
  readonly [serviceCapabilities] = ['@libp2p/transport']
  readonly #endpoint: Endpoint
  readonly #network: SimNetwork
  readonly #logger: ComponentLogger

  constructor(endpoint: Endpoint, network: SimNetwork, { logger }: { logger: ComponentLogger }) {
    this.#endpoint = endpoint
    this.#network = network
    this.#logger = logger
  }

  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    options.signal.throwIfAborted()
    const host = hostOf(address)!
    const { signal } = options
    await this.#network.reach(this.#endpoint, host, signal)
    return await this.#network.handshake(this.#endpoint, host, signal, async () => {
      const log = this.#logger.forComponent('sim:outbound')
      const connection = this.#network.connect(this.#endpoint, host, log)
      try {
        return await options.upgrader.upgradeOutbound(connection, options)
      } catch (err) {
        connection.abort(err as Error)
        throw err
      }
    })
  }

  createListener(options: CreateListenerOptions): Listener {
    return new SimListener(this.#endpoint, options, this.#logger)
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter(address => hostOf(address) === this.#endpoint.host)
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter(address => hostOf(address) !== undefined)
  }
}

export class SimListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #endpoint: Endpoint
  readonly #options: CreateListenerOptions
  readonly #closed = new AbortController()
  readonly logger: ComponentLogger

  constructor(endpoint: Endpoint, options: CreateListenerOptions, logger: ComponentLogger) {
    super()
    this.#endpoint = endpoint
    this.#options = options
    this.logger = logger
  }

  async listen(): Promise<void> {
    if (this.#endpoint.listener !== undefined) throw new ListenError(`${this.#endpoint.address} is in use.`)
    this.#endpoint.listener = this
    queueMicrotask(() => this.safeDispatchEvent('listening'))
  }

  /** Somebody connected; the system has accepted already, and the process does once it runs. */
  accept(connection: SimConnection): void {
    this.#options.upgrader
      .upgradeInbound(connection, { ...this.#options, signal: this.#closed.signal })
      .catch(err => connection.abort(err))
  }

  getAddrs(): Multiaddr[] {
    return this.#endpoint.listener === this ? [multiaddr(this.#endpoint.address)] : []
  }

  updateAnnounceAddrs(): void {}

  async close(): Promise<void> {
    if (this.#endpoint.listener === this) this.#endpoint.listener = undefined
    this.#closed.abort()
    // As TCP's does: who is connected is let go.
    for (const connection of [...this.#endpoint.connections]) {
      if (connection.direction === 'inbound') connection.abort(new Error('The listener closed.'))
    }
    queueMicrotask(() => this.safeDispatchEvent('close'))
  }
}
