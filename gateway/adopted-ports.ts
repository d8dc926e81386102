/**
 * The ports of other programs that this node answers on. A port that another program has is waited for: no process is
 * ended for it.
 */

import type { Server } from 'node:http'
import { connect } from 'node:net'
import {
  type Adoptable,
  type AdoptedPort,
  type Adoption,
  moveCommand,
  PRODUCT_PORTS
} from '../interface/adoption.ts'
import type { Clock, Timer } from '../interface/clock.ts'
import type { Logger } from '../interface/lifecycle.ts'
import { type Listeners, listenOnAll } from './listen.ts'

const HOST = '127.0.0.1'
/** The person restarts the other program meanwhile. A refused connection on loopback costs nothing. */
const RETRY_MS = 1000
/** A port of loopback answers at once, or a firewall swallows it. */
const CONNECT_TIMEOUT_MS = 500
/** Answers under way on a port that is given back. */
const DRAIN_MS = 1000

export interface AdoptionStore {
  read(): readonly { readonly product: Adoptable; readonly port: number }[]
  write(ports: readonly { readonly product: Adoptable; readonly port: number }[]): void
}

export interface AdoptedPortsOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly store: AdoptionStore
  create(product: Adoptable): Server
}

interface Adopted {
  readonly port: number
  listeners?: Listeners<Server>
  timer?: Timer
  reason: string | null
  /** It is tried just now. */
  trying?: Promise<void>
}

export class AdoptedPorts implements Adoption {
  readonly #options: AdoptedPortsOptions
  readonly #ports = new Map<Adoptable, Adopted>()

  constructor(options: AdoptedPortsOptions) {
    this.#options = options
  }

  /** Tries each port once. A node starts without those that are taken, and waits for them. */
  async start(): Promise<void> {
    for (const { product, port } of this.#options.store.read())
      this.#ports.set(product, { port, reason: null })
    await Promise.all([...this.#ports.keys()].map(product => this.#try(product)))
  }

  list(): AdoptedPort[] {
    return [...this.#ports].map(([product, { port, listeners, reason }]) => ({
      ...{ product, port, state: listeners === undefined ? 'waiting' : 'listening' },
      ...{ reason: listeners === undefined ? reason : null, moveCommand: moveCommand(product, port) }
    }))
  }

  async adopt(product: Adoptable, port: number = PRODUCT_PORTS[product]): Promise<AdoptedPort> {
    if (this.#ports.get(product)?.port !== port) {
      await this.#giveBack(product)
      this.#ports.set(product, { port, reason: null })
      this.#store()
    }
    await this.#try(product)
    return this.list().find(one => one.product === product)!
  }

  async release(product: Adoptable): Promise<boolean> {
    const was = await this.#giveBack(product)
    if (was) this.#store()
    return was
  }

  /** Answers on none of them any more; those under way are ended with the gateway. */
  close(): void {
    for (const { timer } of this.#ports.values()) timer?.cancel()
    this.#ports.clear()
  }

  #store(): void {
    this.#options.store.write([...this.#ports].map(([product, { port }]) => ({ product, port })))
  }

  #try(product: Adoptable): Promise<void> {
    const adopted = this.#ports.get(product)
    if (adopted === undefined || adopted.listeners !== undefined) return Promise.resolve()
    adopted.trying ??= this.#take(product, adopted).finally(() => {
      adopted.trying = undefined
    })
    return adopted.trying
  }

  async #take(product: Adoptable, adopted: Adopted): Promise<void> {
    const { clock, log, create } = this.#options
    const { port } = adopted
    adopted.timer?.cancel()
    try {
      // Some systems let a program listen on one address of a port that another one has for all addresses.
      if (await answers(port, clock)) throw new Error('another program listens there')
      const listeners = await listenOnAll(() => create(product), [HOST, '::1'], port)
      if (this.#ports.get(product) === adopted) {
        adopted.listeners = listeners
        log.info({ product, port }, 'answers on the port of another program')
      } else end(listeners.servers)
    } catch (err) {
      const { code, message } = err as NodeJS.ErrnoException
      const reason = code === 'EADDRINUSE' ? 'another program listens there' : message
      if (adopted.reason === null)
        log.warn({ product, port, reason }, 'waits for the port of another program')
      adopted.reason = reason
      if (this.#ports.get(product) === adopted)
        adopted.timer = clock.setTimer(() => void this.#try(product), RETRY_MS)
    }
  }

  /** Resolves when another program may listen there. */
  async #giveBack(product: Adoptable): Promise<boolean> {
    const adopted = this.#ports.get(product)
    if (adopted === undefined) return false
    this.#ports.delete(product)
    adopted.timer?.cancel()
    await adopted.trying
    if (adopted.listeners) await drained(adopted.listeners.servers, this.#options.clock)
    return true
  }
}

function end(servers: readonly Server[]): void {
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
}

async function drained(servers: readonly Server[], clock: Clock): Promise<void> {
  const closed = Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  const deadline = clock.setTimer(() => end(servers), DRAIN_MS)
  await closed
  deadline.cancel()
}

/** Whether a program listens at this port of loopback. */
function answers(port: number, clock: Clock): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, HOST)
    const finish = (answer: boolean): void => {
      timer.cancel()
      socket.destroy()
      resolve(answer)
    }
    const timer = clock.setTimer(() => finish(false), CONNECT_TIMEOUT_MS)
    socket.on('connect', () => finish(true)).on('error', () => finish(false))
  })
}
