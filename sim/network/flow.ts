/**
 * One way of one connection, as TCP gives it to programs: what was written
 * arrives whole and in order, or the connection ends.
 *
 * What waits for the wire is bounded by the link's queue, what is under way or
 * not read yet by a window; beyond that the writer is told to wait, so a slow
 * reader or a slow link slows the sender.
 */

import { Uint8ArrayList } from 'uint8arraylist'
import type { Clock, Timer } from '../../interface/clock.ts'
import type { Link, Sender } from './link.ts'

/** What may be under way and unread together: what Linux lets a receive buffer grow to is 6 MiB (tcp_rmem). */
const WINDOW_BYTES = 4 * 1024 * 1024
/** What a reader gets at once, however much has arrived. */
const READ_BYTES_MAX = 64 * 1024
/** A timer may fire this much early. */
const EARLY_MS = 1

type Message = Uint8ArrayList | 'end' | 'reset'

/** Who reads at the far end. */
export interface Receiver {
  /** Not now: it is paused, or its device is. */
  readonly busy: boolean
  /** When the device has worked through what came before. */
  readonly readyAtMs: number
  /** The device that knew this connection is gone, without a word. */
  readonly gone: boolean
  /** Somebody is there to say that this connection is not known (any more). */
  readonly answers: boolean
  onBytes(bytes: Uint8ArrayList): void
  onEnd(): void
  onReset(): void
}

/** Who writes at the near end. */
export interface Writer {
  onWritable(): void
  /** The other side turned out not to know this connection. */
  onReset(): void
}

export class Flow implements Sender {
  readonly #clock: Clock
  readonly #link: Link
  readonly #writer: Writer
  readonly #receiver: Receiver
  #unsent: Message[] = []
  #unsentBytes = 0
  #underWay: { readonly arrivesAtMs: number; readonly message: Message }[] = []
  #underWayBytes = 0
  #lastArrivalMs = 0
  #full = false
  /** Bytes were lost for good: what follows would make no sense to anybody. */
  #torn = false
  #closed = false
  #timer: Timer | undefined

  constructor(clock: Clock, link: Link, writer: Writer, receiver: Receiver) {
    this.#clock = clock
    this.#link = link
    this.#writer = writer
    this.#receiver = receiver
    link.join(this)
  }

  /** @returns whether there is room for more; if not, `onWritable` says when there is. */
  write(bytes: Uint8ArrayList): boolean {
    if (this.#closed) return true
    this.#unsent.push(bytes)
    this.#unsentBytes += bytes.byteLength
    this.#link.request(this)
    this.#full = this.#unsentBytes > this.#link.model.queueBytes
    return !this.#full
  }

  /** After all that was written. */
  end(): void {
    this.#unsent.push('end')
    this.#link.request(this)
  }

  /** Instead of what was not sent yet. */
  reset(): void {
    this.#unsent = ['reset']
    this.#unsentBytes = 0
    this.#link.request(this)
  }

  /** Nobody reads any more. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#link.leave(this)
    this.#unsent = []
    this.#underWay = []
  }

  /** The receiver is busy no more. */
  wake(): void {
    this.#deliver()
  }

  get nextBytes(): number | undefined {
    const next = this.#unsent[0]
    if (next === undefined || typeof next === 'string') return next && 0
    const fits = this.#underWayBytes === 0 || this.#underWayBytes + next.byteLength <= WINDOW_BYTES
    // Who would be told that the connection is dead must not wait for a window that never opens.
    return fits || (this.#torn && this.#link.state === 'up') ? next.byteLength : undefined
  }

  get more(): boolean {
    return this.#unsent.length > 1
  }

  launch(arrivesAtMs: number, corrupted: number | undefined): void {
    const message = this.#leave()
    if (this.#torn) {
      if (message === 'end' || message === 'reset') this.close()
      else if (this.#receiver.answers) {
        this.#clock.setTimer(() => this.break(), 2 * Math.max(0, arrivesAtMs - this.#clock.monotonicMs()))
      }
      return
    }
    this.#lastArrivalMs = Math.max(arrivesAtMs, this.#lastArrivalMs)
    const arrives =
      corrupted === undefined || typeof message === 'string' ? message : flip(message, corrupted)
    this.#underWay.push({ arrivesAtMs: this.#lastArrivalMs, message: arrives })
    if (this.#underWay.length === 1) this.#deliverIn(this.#lastArrivalMs - this.#clock.monotonicMs())
  }

  vanish(): void {
    if (typeof this.#leave() === 'string') this.close()
    this.#torn = true
  }

  break(): void {
    if (this.#closed) return
    this.#writer.onReset()
    this.#receiver.onReset()
  }

  /** The next message leaves; its bytes count until they are read, so who sends into nothing stops in the end. */
  #leave(): Message {
    const message = this.#unsent.shift()!
    if (typeof message === 'string') return message
    this.#unsentBytes -= message.byteLength
    this.#underWayBytes += message.byteLength
    if (this.#full && this.#unsentBytes <= this.#link.model.queueBytes / 2) {
      this.#full = false
      // Later, because it writes again, and the link is in the middle of sending.
      setImmediate(() => this.#writer.onWritable())
    }
    return message
  }

  #deliverIn(delayMs: number): void {
    this.#timer?.cancel()
    // A timer takes a millisecond at least, which a link without delay must not cost.
    if (delayMs > 0) this.#timer = this.#clock.setTimer(this.#deliver, delayMs)
    else {
      const immediate = setImmediate(this.#deliver)
      this.#timer = { cancel: () => clearImmediate(immediate) }
    }
  }

  #deliver = (): void => {
    this.#timer?.cancel()
    this.#timer = undefined
    while (this.#underWay.length > 0 && !this.#closed) {
      const receiver = this.#receiver
      if (receiver.busy) return
      const dueMs = Math.max(this.#underWay[0]!.arrivesAtMs, receiver.readyAtMs)
      const nowMs = this.#clock.monotonicMs()
      if (dueMs > nowMs + EARLY_MS) {
        this.#deliverIn(dueMs - nowMs)
        return
      }
      this.#hand(this.#take(nowMs + EARLY_MS))
    }
  }

  /** The next message, or as many bytes as have arrived and may be read at once. */
  #take(untilMs: number): Message {
    const first = this.#underWay.shift()!.message
    if (typeof first === 'string') return first
    for (;;) {
      const next = this.#underWay[0]
      if (next === undefined || typeof next.message === 'string' || next.arrivesAtMs > untilMs) return first
      if (first.byteLength + next.message.byteLength > READ_BYTES_MAX) return first
      first.append(next.message)
      this.#underWay.shift()
    }
  }

  #hand(message: Message): void {
    const receiver = this.#receiver
    if (typeof message === 'string') {
      if (message === 'end') receiver.onEnd()
      else receiver.onReset()
      this.close()
    } else if (receiver.gone) {
      this.#torn = true
      if (receiver.answers) this.break()
    } else {
      this.#underWayBytes -= message.byteLength
      receiver.onBytes(message)
      if (this.#unsent.length > 0) this.#link.request(this)
    }
  }
}

function flip(message: Uint8ArrayList, at: number): Uint8ArrayList {
  const bytes = Uint8Array.from(message.subarray())
  bytes[at]! ^= 0x10
  return new Uint8ArrayList(bytes)
}
