/**
 * One way from one device to another: one wire, shared by all connections that
 * run over it, with the model's rate, delay and losses.
 *
 * Losses show as TCP shows them: nothing is missing, but what follows waits for
 * the repair. A gap in front of enough packets is repaired after one round trip,
 * any other after the retransmission timeout, which doubles each time.
 */

import type { Clock, Random, Timer } from '../../interface/clock.ts'
import { normal } from '../random.ts'
import type { LinkModel, LinkState } from './link-model.ts'

/** Payload of a TCP segment on Ethernet. */
const PACKET_BYTES = 1460
/** Linux's least retransmission timeout (TCP_RTO_MIN). */
export const RETRANSMIT_MS = 200
/** Twice the timeout each time; TCP goes on for minutes, and no test waits that long. */
const RETRANSMIT_DOUBLINGS_MAX = 6
/** Packets behind a gap that make the receiver ask for it at once (RFC 5681). */
const DUPLICATE_ACKS = 3
/**
 * Timers are a millisecond coarse, so the wire is given what it will send until the next one can
 * fire; when it sends what is computed, not measured, and a late timer costs no rate.
 */
const AHEAD_MS = 2

/** What waits at a link for its turn. */
export interface Sender {
  /** Bytes of the next message that may leave now; undefined when there is none. */
  readonly nextBytes: number | undefined
  /** Whether more waits behind the next message. */
  readonly more: boolean
  /** The next message leaves, and is there at that time. */
  launch(arrivesAtMs: number, corrupted: number | undefined): void
  /** The next message leaves, and is never seen again. */
  vanish(): void
  /** The connection is over, at both ends. */
  break(): void
}

export class Link {
  readonly #clock: Clock
  readonly #random: Random
  #model: LinkModel
  #state: LinkState = 'up'
  /** Every flow over it, waiting or not. */
  readonly #senders = new Set<Sender>()
  readonly #waiting: Sender[] = []
  /** When the wire has sent all it was given. */
  #freeAtMs = 0
  #timer: Timer | undefined
  /** Something has waited since the wire was last given something, so the wire never rested. */
  #backlogged = false
  #inBurst = false

  constructor(clock: Clock, random: Random, model: LinkModel) {
    this.#clock = clock
    this.#random = random
    this.#model = model
  }

  get model(): LinkModel {
    return this.#model
  }

  get state(): LinkState {
    return this.#state
  }

  /** Takes effect for what leaves from now on. */
  change(model: LinkModel, state: LinkState): void {
    this.#model = model
    this.#state = state
    this.#backlogged = false
    if (state === 'down') this.break()
    else for (const sender of this.#senders) this.request(sender)
  }

  /** Every connection over it breaks at once. */
  break(): void {
    for (const sender of [...this.#senders]) sender.break()
  }

  join(sender: Sender): void {
    this.#senders.add(sender)
  }

  leave(sender: Sender): void {
    this.#senders.delete(sender)
    const at = this.#waiting.indexOf(sender)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  /** The sender has something that may leave. */
  request(sender: Sender): void {
    if (!this.#waiting.includes(sender)) this.#waiting.push(sender)
    this.#pump()
  }

  /** How long one packet takes that starts now, on an empty wire: for what has no connection yet. */
  travelMs(): number {
    const { delay, jitterMs } = this.#model
    const random = this.#random
    const extraMs = jitterMs > 0 ? jitterMs * random() : 0
    switch (delay.distribution) {
      case 'constant':
        return delay.ms + extraMs
      case 'normal':
        return Math.max(delay.ms / 2, delay.ms + delay.deviationMs * normal(random)) + extraMs
      case 'heavy-tail':
        return delay.ms * (1 - random()) ** (-1 / delay.shape) + extraMs
    }
  }

  /** Whether the next packet is lost. */
  losesPacket(): boolean {
    const { lossRate, lossBurst } = this.#model
    if (lossRate === 0) return false
    // Gilbert's two states: in a burst all is lost, and outside nothing.
    const chance = this.#inBurst ? 1 - 1 / lossBurst : lossRate / (lossBurst * (1 - lossRate))
    this.#inBurst = this.#random() < chance
    return this.#inBurst
  }

  /** Each that waits sends one message in turn, until the wire is busy or none may. */
  #pump(): void {
    const bytesPerMs = (this.#model.bytesPerSecond ?? Number.POSITIVE_INFINITY) / 1000
    while (this.#waiting.length > 0 && (this.#state === 'up' || this.#state === 'blackhole')) {
      const nowMs = this.#clock.monotonicMs()
      if (this.#freeAtMs > nowMs + AHEAD_MS) {
        this.#backlogged = true
        this.#timer ??= this.#clock.setTimer(() => {
          this.#timer = undefined
          this.#pump()
        }, this.#freeAtMs - nowMs)
        return
      }
      const sender = this.#waiting.shift()!
      const bytes = sender.nextBytes
      if (bytes === undefined) {
        if (this.#waiting.length === 0) this.#backlogged = false
        continue
      }
      // The timer may be late, but the wire was not.
      const startMs = this.#backlogged ? this.#freeAtMs : Math.max(this.#freeAtMs, nowMs)
      this.#freeAtMs = startMs + bytes / bytesPerMs
      if (this.#state === 'blackhole') sender.vanish()
      else {
        const arrivesAtMs = this.#freeAtMs + this.travelMs() + this.#repairMs(bytes, sender.more)
        sender.launch(arrivesAtMs, this.#corrupted(bytes))
      }
      if (sender.nextBytes !== undefined) this.#waiting.push(sender)
      else if (this.#waiting.length === 0) this.#backlogged = false
    }
  }

  #repairMs(bytes: number, more: boolean): number {
    if (this.#model.lossRate === 0) return 0
    const packets = Math.max(1, Math.ceil(bytes / PACKET_BYTES))
    let last = -1
    for (let i = 0; i < packets; i++) if (this.losesPacket()) last = i
    if (last < 0) return 0
    const roundTripMs = 2 * this.#model.delay.ms
    const timeoutMs = Math.max(RETRANSMIT_MS, 1.5 * roundTripMs)
    const noticed = more || packets - 1 - last >= DUPLICATE_ACKS
    let waitMs = noticed ? roundTripMs : timeoutMs
    for (let n = 0; n < RETRANSMIT_DOUBLINGS_MAX && this.#random() < this.#model.lossRate; n++) {
      waitMs += timeoutMs * 2 ** n
    }
    return waitMs
  }

  /** Which byte is flipped, if one is. */
  #corrupted(bytes: number): number | undefined {
    const { corruptRate } = this.#model
    if (corruptRate === 0 || this.#random() >= corruptRate) return undefined
    return Math.floor(this.#random() * bytes)
  }
}
