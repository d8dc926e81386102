/**
 * Finds devices by what they have, where no manifest that came to this node names one: asks the DHT, connects, and the
 * hello brings the manifest. What a server of the DHT answers is a hint: which peer is there, the handshake proves.
 */

import type { PeerInfo } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import type { Clock } from '../../interface/clock.ts'
import { CancelledError } from '../../interface/errors.ts'
import type { AbortOptions, Logger } from '../../interface/lifecycle.ts'
import { Deadline } from './deadline.ts'
import { askForProviders } from './dht-servers.ts'
import { bareOf } from './dial-to.ts'
import type { MeshLibp2p } from './libp2p.ts'
import { SightedDials } from './sighted-dials.ts'
import { isReachable, listensOnLoopbackAlone } from './stated-addresses.ts'

/** For the whole search: a walk takes milliseconds on a local network. */
const FIND_MS = 5000
/** For the walk; the rest is for dials. */
const WALK_MS = 3000
/** Devices that are tried. */
const FOUND_MAX = 16
/** Addresses of one that no manifest states: a server may make them up. */
const HINTS_MAX = 4
/** What was looked for in vain is not looked for again at once. */
const AGAIN_MS = 10_000
/** Keys that were looked for in vain. */
const VAIN_MAX = 256

/** A search goes on for the others that want it. */
async function orAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await result
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    if (signal.aborted) onAbort()
    return await Promise.race([result, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

export interface DhtLookupComponents {
  readonly libp2p: MeshLibp2p
  readonly clock: Clock
  readonly log: Logger
  /** Where a peer says that it is; none for one whose manifest is not known. */
  addressesOf(peerId: string): Multiaddr[]
  /** Say hello once more to a peer that is connected. */
  sayHello(peerId: string): Promise<unknown>
}

export interface SeekOptions extends AbortOptions {
  /** Whether what the devices that came say is enough. */
  isEnough?(): boolean
}

export class DhtLookup {
  readonly #components: DhtLookupComponents
  readonly #searches = new Map<string, Promise<string[]>>()
  readonly #vainUntilMs = new Map<string, number>()
  /** Wait for the hello of a peer. */
  readonly #awaited = new Map<string, Set<() => void>>()
  /** A server may name any place. */
  readonly #hinted = new SightedDials()
  readonly #stopped = new AbortController()

  constructor(components: DhtLookupComponents) {
    this.#components = components
  }

  stop(): void {
    this.#stopped.abort()
  }

  /** The hello of this member is done, and its manifest is known. */
  met(peerId: string): void {
    for (const resolve of this.#awaited.get(peerId) ?? []) resolve()
    this.#awaited.delete(peerId)
  }

  /** Devices that were found under any of these keys and have said hello since. */
  async seek(keys: readonly string[], { signal, isEnough }: SeekOptions = {}): Promise<string[]> {
    const { libp2p, clock } = this.#components
    if (libp2p.services.dht === undefined || libp2p.getConnections().length === 0) return []
    const nowMs = clock.monotonicMs()
    const due = keys.filter(key => (this.#vainUntilMs.get(key) ?? 0) <= nowMs)
    const found = Promise.all(due.map(key => this.#search(key, isEnough)))
    return [...new Set((await orAborted(found, signal)).flat())]
  }

  /** One search for a key at a time, however many want it. */
  #search(key: string, isEnough: SeekOptions['isEnough']): Promise<string[]> {
    const running = this.#searches.get(key)
    if (running !== undefined) return running
    const search = this.#find(key, isEnough).finally(() => this.#searches.delete(key))
    this.#searches.set(key, search)
    return search
  }

  async #find(key: string, isEnough: SeekOptions['isEnough']): Promise<string[]> {
    const { clock, log } = this.#components
    using deadline = new Deadline(clock, FIND_MS, this.#stopped.signal)
    const over = new AbortController()
    const signal = AbortSignal.any([deadline.signal, over.signal])
    const came: string[] = []
    try {
      const providers = await this.#providers(key, signal)
      const { promise: enough, resolve } = Promise.withResolvers<void>()
      const dials = providers.map(async provider => {
        if (!(await this.#meet(provider, signal))) return
        came.push(provider.id.toString())
        if (isEnough?.() === true) resolve()
      })
      await Promise.race([enough, Promise.all(dials)])
    } catch (err) {
      log.debug({ err, key }, 'the DHT could not be asked')
    } finally {
      // What is not waited for any more is given up.
      over.abort(new CancelledError())
    }
    if (came.length === 0) this.#inVain(key)
    return came
  }

  #inVain(key: string): void {
    this.#vainUntilMs.delete(key)
    this.#vainUntilMs.set(key, this.#components.clock.monotonicMs() + AGAIN_MS)
    if (this.#vainUntilMs.size > VAIN_MAX) this.#vainUntilMs.delete(this.#vainUntilMs.keys().next().value!)
  }

  /** Of each server's answer one in turn, so that no server fills the list with what it made up. */
  async #providers(key: string, signal: AbortSignal): Promise<PeerInfo[]> {
    const { libp2p, clock } = this.#components
    using walk = new Deadline(clock, WALK_MS, signal)
    const answers = await askForProviders({ dht: libp2p.services.dht!, clock }, CID.parse(key), walk.signal)
    const found = new Map<string, PeerInfo>()
    for (let turn = 0; answers.some(answer => turn < answer.length); turn++) {
      for (const answer of answers) {
        const provider = answer[turn]
        if (provider === undefined || provider.id.equals(libp2p.peerId)) continue
        if (found.size < FOUND_MAX && !found.has(provider.id.toString()))
          found.set(provider.id.toString(), provider)
      }
    }
    return [...found.values()]
  }

  /** Whether the peer has said hello. */
  async #meet({ id, multiaddrs }: PeerInfo, signal: AbortSignal): Promise<boolean> {
    const { libp2p, log, sayHello } = this.#components
    const peerId = id.toString()
    const hello = this.#helloOf(peerId, signal)
    try {
      if (libp2p.getConnections(id).length > 0) await sayHello(peerId)
      else {
        const addresses = this.#placesOf(peerId, multiaddrs)
        if (addresses.length === 0) return false
        await libp2p.dial(addresses, { signal })
      }
      return await hello
    } catch (err) {
      log.debug({ err, peerId }, 'a device that the DHT names cannot be reached')
      return false
    }
  }

  #placesOf(peerId: string, hints: readonly Multiaddr[]): Multiaddr[] {
    const { libp2p, clock, addressesOf } = this.#components
    const stated = addressesOf(peerId)
    if (stated.length > 0) return stated
    const loopback = listensOnLoopbackAlone(libp2p.getMultiaddrs())
    const places = hints.filter(address => isReachable(address, loopback)).slice(0, HINTS_MAX)
    if (!this.#hinted.take(places.length, clock.monotonicMs())) return []
    return places.map(address => bareOf(address).encapsulate(`/p2p/${peerId}`))
  }

  #helloOf(peerId: string, signal: AbortSignal): Promise<boolean> {
    return new Promise(resolve => {
      const waiting = this.#awaited.get(peerId) ?? new Set()
      const settle = (came: boolean): void => {
        signal.removeEventListener('abort', onAbort)
        waiting.delete(onHello)
        if (waiting.size === 0) this.#awaited.delete(peerId)
        resolve(came)
      }
      const onHello = (): void => settle(true)
      const onAbort = (): void => settle(false)
      waiting.add(onHello)
      this.#awaited.set(peerId, waiting)
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
    })
  }
}
