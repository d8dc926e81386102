/** Says in the DHT what this node can be found by. The library says it again before a record has had its time. */

import { CID } from 'multiformats/cid'
import type { Clock, Timer } from '../../interface/clock.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { Deadline } from './deadline.ts'
import { provideAt } from './dht-servers.ts'
import type { MeshLibp2p } from './libp2p.ts'

/** Several changes within this time, and the hellos of a start, make one round. */
const SETTLE_MS = 1000
/** As many servers keep a record as the library asks; with fewer it is said again as devices come. */
const SERVERS_WANTED = 20
const AGAIN_MS = 5 * 60_000
const PROVIDE_MS = 10_000
/** What one peer may have said at another one (`provider-records.ts`), and 20 are room for what it takes back. */
const KEYS_MAX = 492

export interface DhtProviderComponents {
  readonly libp2p: MeshLibp2p
  readonly clock: Clock
  readonly log: Logger
}

interface Provided {
  /** Servers that took it. */
  servers: number
  /** When they were asked last; undefined before the first time. */
  atMs: number | undefined
}

export class DhtProvider {
  readonly #components: DhtProviderComponents
  readonly #provided = new Map<string, Provided>()
  readonly #stopped = new AbortController()
  #timer: Timer | undefined
  #busy = false

  constructor(components: DhtProviderComponents) {
    this.#components = components
  }

  stop(): void {
    this.#stopped.abort()
    this.#timer?.cancel()
  }

  /** These from now on, the most wanted first, and no others. */
  provide(keys: readonly string[]): void {
    const { dht } = this.#components.libp2p.services
    if (dht === undefined) return
    const wanted = new Set(keys.slice(0, KEYS_MAX))
    for (const key of this.#provided.keys()) {
      if (wanted.has(key)) continue
      this.#provided.delete(key)
      dht.cancelReprovide(CID.parse(key)).catch(() => {})
    }
    for (const key of wanted)
      if (!this.#provided.has(key)) this.#provided.set(key, { servers: 0, atMs: undefined })
    this.#soon()
  }

  /** A member has come, which may keep a record. */
  met(): void {
    this.#soon()
  }

  #soon(): void {
    if (this.#timer !== undefined || this.#busy || this.#stopped.signal.aborted || this.#due().length === 0)
      return
    this.#timer = this.#components.clock.setTimer(() => {
      this.#timer = undefined
      this.#busy = true
      void this.#round().finally(() => {
        this.#busy = false
        // What came meanwhile; what no server took waits for the next device.
        if ([...this.#provided.values()].some(({ atMs }) => atMs === undefined)) this.#soon()
      })
    }, SETTLE_MS)
  }

  /** What no server took is due when a device comes, and what few took is due then after a while. */
  #due(): string[] {
    const nowMs = this.#components.clock.monotonicMs()
    return [...this.#provided].flatMap(([key, { servers, atMs }]) =>
      servers === 0 || (servers < SERVERS_WANTED && nowMs - atMs! > AGAIN_MS) ? key : []
    )
  }

  async #round(): Promise<void> {
    const { libp2p, clock, log } = this.#components
    for (const key of this.#due()) {
      const provided = this.#provided.get(key)
      if (provided === undefined) continue
      provided.atMs = clock.monotonicMs()
      if (libp2p.getConnections().length === 0 || this.#stopped.signal.aborted) continue
      using deadline = new Deadline(clock, PROVIDE_MS, this.#stopped.signal)
      try {
        provided.servers = await provideAt(libp2p.services.dht!, CID.parse(key), deadline.signal)
        if (!this.#provided.has(key)) await libp2p.services.dht!.cancelReprovide(CID.parse(key))
      } catch (err) {
        log.debug({ err, key }, 'the DHT did not take a record')
      }
    }
  }
}
