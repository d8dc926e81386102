/**
 * The network between simulated devices: hosts by name, and a link for each
 * direction between two of them, made when first used.
 *
 * libp2p's own in-process transport has one latency for all, which it waits for
 * buffer after buffer, and neither rate, loss nor back-pressure.
 */

import { ConnectionFailedError, type Logger } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../../interface/clock.ts'
import { forkRandom } from '../random.ts'
import { SimConnection } from './connection.ts'
import { Endpoint } from './endpoint.ts'
import { Flow } from './flow.ts'
import { Link } from './link.ts'
import type { LinkModel, LinkState } from './link-model.ts'

/** Linux repeats an unanswered SYN after a second, then twice as long each time, six times (tcp_syn_retries). */
const SYN_TIMEOUT_MS = 1000
const SYN_RETRIES = 6

/**
 * Handshakes under way at once, were there no delays. Each costs 10 ms, and all devices share one
 * processor: when hundreds dial at once, none would be done before its time is up, and all would dial again.
 */
const HANDSHAKES_AT_ONCE = 6
/** Round trips from the first packet to the hello; while bytes travel, others may use the processor. */
const HANDSHAKE_ROUND_TRIPS = 5
/** What a handshake takes when nothing travels but HANDSHAKES_AT_ONCE run at once. */
const HANDSHAKE_MS = 60
/** A turn of the event loop this long says that the processor is behind: a handshake takes some dozens of turns. */
const TURN_MS_MAX = 40
/** One that takes this much longer than its bytes travel waits for something else than the processor. */
const HANDSHAKE_STUCK_MS = 1000

export interface SimNetworkOptions {
  readonly clock: Clock
  readonly seed: number
  /** What a link is like unless it was changed. */
  readonly model: LinkModel
}

/** A change of some links: what is left out stays. */
export interface LinkChange {
  readonly model?: Partial<LinkModel>
  readonly state?: LinkState
}

export class SimNetwork {
  readonly #clock: Clock
  readonly #seed: number
  readonly #base: LinkModel
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #links = new Map<string, Link>()
  #connections = 0
  /** The share of the processor that handshakes under way have, in handshakes. */
  #handshaking = 0
  readonly #waiting: (() => void)[] = []

  constructor({ clock, seed, model }: SimNetworkOptions) {
    this.#clock = clock
    this.#seed = seed
    this.#base = model
  }

  /** A network card for `host`; the one it had before is out of use. */
  attach(host: string): Endpoint {
    const endpoint = new Endpoint(host, this, this.#clock)
    this.#endpoints.set(host, endpoint)
    return endpoint
  }

  endpoint(host: string): Endpoint | undefined {
    return this.#endpoints.get(host)
  }

  link(from: string, to: string): Link {
    const name = `${from}>${to}`
    const known = this.#links.get(name)
    if (known !== undefined) return known
    const link = new Link(this.#clock, forkRandom(this.#seed, `link ${name}`), this.#base)
    this.#links.set(name, link)
    return link
  }

  /** Takes effect for what leaves from now on. */
  change(from: string, to: string, { model, state }: LinkChange): void {
    const link = this.link(from, to)
    link.change({ ...link.model, ...model }, state ?? link.state)
  }

  /** Every link is up and as it was in the beginning. */
  heal(): void {
    for (const link of this.#links.values()) link.change(this.#base, 'up')
  }

  /** Every connection between the two breaks at once, at both ends. */
  reset(one: string, other: string): void {
    this.link(one, other).break()
    this.link(other, one).break()
  }

  /**
   * Wait as TCP does to connect: one round trip, more when packets are lost.
   *
   * @throws {ConnectionFailedError} when nobody listens there, or nobody answers.
   */
  async reach(from: Endpoint, to: string, signal: AbortSignal): Promise<void> {
    const out = this.link(from.host, to)
    const back = this.link(to, from.host)
    await new Promise<void>(resolve => from.whenRunning(resolve))
    for (let retry = 0; retry <= SYN_RETRIES; retry++) {
      if (from.gone) throw new ConnectionFailedError('This device is gone.')
      if (out.state === 'down' || back.state === 'down') {
        throw new ConnectionFailedError(`There is no way to ${to}.`)
      }
      const target = this.#endpoints.get(to)
      const silent = out.state !== 'up' || back.state !== 'up' || target?.silent === true
      if (silent || out.losesPacket() || back.losesPacket()) {
        await this.#wait(SYN_TIMEOUT_MS * 2 ** retry, signal)
        continue
      }
      await this.#wait(out.travelMs() + back.travelMs(), signal)
      // As the system does: whether the process has time for it or not.
      if (target?.listener === undefined) throw new ConnectionFailedError(`Nobody listens at ${to}.`)
      return
    }
    throw new ConnectionFailedError(`${to} does not answer.`)
  }

  /**
   * Run `work`, a handshake between the two, when the processor has time for it.
   *
   * @throws the reason of `signal` when it was aborted before.
   */
  async handshake<T>(from: Endpoint, to: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const travelMs = HANDSHAKE_ROUND_TRIPS * 2 * this.link(from.host, to).model.delay.ms
    const share = HANDSHAKE_MS / (HANDSHAKE_MS + travelMs)
    while (!(await this.#mayBegin(share))) {
      // Looked at again now: what was under way may have ended meanwhile, and nobody would wake this one.
      if (this.#handshaking >= share) await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
    this.#handshaking += share
    let held = true
    const release = () => {
      if (held) this.#handshaking = Math.max(0, this.#handshaking - share)
      held = false
      for (const wake of this.#waiting.splice(0, 2)) wake()
    }
    // Who is stopped, or behind a link that swallows, costs nothing, and must not hold up the others.
    const timer = this.#clock.setTimer(release, HANDSHAKE_STUCK_MS + travelMs)
    try {
      signal.throwIfAborted()
      return await work()
    } finally {
      timer.cancel()
      release()
    }
  }

  /** One at a time when the processor is behind with its work already. */
  async #mayBegin(share: number): Promise<boolean> {
    const beganMs = this.#clock.monotonicMs()
    await new Promise(resolve => setImmediate(resolve))
    const behind = this.#clock.monotonicMs() - beganMs > TURN_MS_MAX
    return this.#handshaking < share || (!behind && this.#handshaking + share <= HANDSHAKES_AT_ONCE)
  }

  /**
   * A connection to who was reached.
   *
   * @throws {ConnectionFailedError} when it is gone again.
   */
  connect(from: Endpoint, host: string, log: Logger): SimConnection {
    const to = this.#endpoints.get(host)
    const listener = to?.listener
    if (from.gone || to === undefined || listener === undefined) {
      throw new ConnectionFailedError(`Nobody listens at ${host}.`)
    }
    const id = ++this.#connections
    const near = new SimConnection({
      endpoint: from,
      remoteAddr: multiaddr(to.address),
      direction: 'outbound',
      log: log.newScope(`${id}`)
    })
    const far = new SimConnection({
      endpoint: to,
      // As a port, so that each connection has an address of its own.
      remoteAddr: multiaddr(`${from.address}-${id}`),
      direction: 'inbound',
      log: listener.logger.forComponent(`sim:inbound:${id}`)
    })
    const out = new Flow(this.#clock, this.link(from.host, to.host), near, far)
    const back = new Flow(this.#clock, this.link(to.host, from.host), far, near)
    near.join(out, back)
    far.join(back, out)
    to.whenRunning(() => listener.accept(far))
    return near
  }

  #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => signal.removeEventListener('abort', onAbort)
      const onAbort = () => {
        timer.cancel()
        reject(signal.reason)
      }
      const timer = this.#clock.setTimer(() => {
        end()
        resolve()
      }, delayMs)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}
