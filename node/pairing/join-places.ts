/**
 * Bounds the streams of devices that ask to join. A stream without a proof costs little and proves nothing:
 * when too many wait, the oldest goes, so silent strangers cannot keep out a device that has a code.
 */

import type { Clock } from '../../interface/clock.ts'
import { LumosError, TimeoutError } from '../../interface/errors.ts'

/** As many as there may be connections of strangers; each holds one frame. */
const WAITING_MAX = 32
/** A device sends its first frame with the stream: two round trips of the worst link, and two lost packets. */
const FIRST_FRAME_MS = 2000
/** One device at a time, and one that is slow. */
const JOINING_MAX = 2

export interface JoinPlace extends Disposable {
  /** Aborts when the place is lost: to the first frame's time, or to a newer stream. */
  readonly signal: AbortSignal
  /** The first frame is here. */
  heard(): void
  /**
   * The device has proved that it knows an invitation: nothing takes its place from now on.
   *
   * @throws {LumosError} `OVERLOADED` when enough others have.
   */
  proven(): void
}

export class JoinPlaces {
  readonly #clock: Clock
  /** By device, oldest first: a device joins once at a time. */
  readonly #waiting = new Map<string, AbortController>()
  /** By device, too: one that asks again, as it may with a used code, takes its own place and no second one. */
  readonly #joining = new Map<string, AbortController>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  enter(peerId: string): JoinPlace {
    this.#drop(peerId)
    if (this.#waiting.size >= WAITING_MAX) this.#drop(this.#waiting.keys().next().value!)
    const controller = new AbortController()
    this.#waiting.set(peerId, controller)
    const late = new TimeoutError(`No frame came within ${FIRST_FRAME_MS} ms.`)
    const timer = this.#clock.setTimer(() => controller.abort(late), FIRST_FRAME_MS)
    return {
      signal: controller.signal,
      heard: () => timer.cancel(),
      proven: () => {
        this.#joining.get(peerId)?.abort(overloaded())
        this.#joining.delete(peerId)
        if (this.#joining.size >= JOINING_MAX) throw overloaded()
        this.#leave(peerId, controller)
        this.#joining.set(peerId, controller)
      },
      [Symbol.dispose]: () => {
        timer.cancel()
        this.#leave(peerId, controller)
        if (this.#joining.get(peerId) === controller) this.#joining.delete(peerId)
      }
    }
  }

  #drop(peerId: string): void {
    this.#waiting.get(peerId)?.abort(overloaded())
    this.#waiting.delete(peerId)
  }

  #leave(peerId: string, controller: AbortController): void {
    if (this.#waiting.get(peerId) === controller) this.#waiting.delete(peerId)
  }
}

const overloaded = (): LumosError =>
  new LumosError('OVERLOADED', 'Other devices are joining just now.', { hint: 'Try again.' })
