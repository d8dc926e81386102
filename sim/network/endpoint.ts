/**
 * A node's network card: its address, its transport, and what being stopped,
 * slow or gone means for its connections. A node that starts again gets a new one.
 */

import type { Clock } from '../../interface/clock.ts'
import type { Network } from '../../node/network/libp2p.ts'
import type { SimConnection } from './connection.ts'
import type { SimNetwork } from './network.ts'
import { type SimListener, SimTransport } from './transport.ts'

/**
 * What a message costs the reader: libp2p's stack takes about 0.1 ms for a small
 * one, and JavaScript TLS passes on 50 MB/s. Only a device slowed down waits for it.
 */
const MESSAGE_MS = 0.1
const BYTES_PER_MS = 50_000

export class Endpoint {
  /** Name of the device. */
  readonly host: string
  readonly #network: SimNetwork
  readonly #clock: Clock
  readonly connections = new Set<SimConnection>()
  listener: SimListener | undefined
  /** How many times as long as usual it works on what arrives. */
  cpuFactor = 1
  #readyAtMs = 0
  #frozen = false
  #gone: 'silent' | 'refusing' | undefined
  #parked: (() => void)[] = []

  constructor(host: string, network: SimNetwork, clock: Clock) {
    this.host = host
    this.#network = network
    this.#clock = clock
  }

  get address(): string {
    return `/memory/${this.host}`
  }

  /** What a node is given as its network; it dials `known` hosts at start. */
  stack(known: readonly string[], pingIntervalMs?: number): Network {
    return {
      transports: [components => new SimTransport(this, this.#network, components)],
      listen: [this.address],
      discovery: [],
      dial: known.map(host => `/memory/${host}`),
      ...(pingIntervalMs === undefined ? {} : { pingIntervalMs })
    }
  }

  get frozen(): boolean {
    return this.#frozen
  }

  /** Its node is no more. */
  get gone(): boolean {
    return this.#gone !== undefined
  }

  /** Nor is anything else there that would answer. */
  get silent(): boolean {
    return this.#gone === 'silent'
  }

  /** Another incarnation of the device is on the network. */
  get replaced(): boolean {
    const current = this.#network.endpoint(this.host)
    return current !== undefined && current !== this && !current.gone
  }

  /** When it has worked through what has arrived. */
  get readyAtMs(): number {
    return this.#readyAtMs
  }

  work(bytes: number): void {
    if (this.cpuFactor === 1) return
    const costMs = (MESSAGE_MS + bytes / BYTES_PER_MS) * this.cpuFactor
    this.#readyAtMs = Math.max(this.#readyAtMs, this.#clock.monotonicMs()) + costMs
  }

  /** Now, or when it goes on after a pause. */
  whenRunning(task: () => void): void {
    if (this.#frozen) this.#parked.push(task)
    else task()
  }

  freeze(): void {
    this.#frozen = true
  }

  thaw(): void {
    this.#frozen = false
    for (const task of this.#parked.splice(0)) task()
    for (const connection of [...this.connections]) connection.thaw()
  }

  /** The power is gone: nobody is told. */
  vanish(): void {
    this.#gone = 'silent'
    this.#thawSilently()
    for (const connection of [...this.connections]) connection.vanish()
  }

  /** The process is gone: the system resets its connections. */
  kill(): void {
    this.#thawSilently()
    for (const connection of [...this.connections]) connection.abort(new Error('The process was killed.'))
    this.#gone = 'refusing'
    this.listener = undefined
  }

  #thawSilently(): void {
    this.#frozen = false
    this.#parked = []
  }
}
