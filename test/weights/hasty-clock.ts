/** A clock on which an origin that is away is given up within a second. */

import { type Clock, systemClock } from '../../interface/clock.ts'
import { SILENCE_MS } from '../../node/weights/origins/http-client.ts'

/** Pauses pass in milliseconds, and thirty seconds of silence in two: a machine under load answers within that. */
export class HastyClock implements Clock {
  readonly pauses: number[] = []
  wallMs(): number {
    return systemClock.wallMs()
  }
  monotonicMs(): number {
    return systemClock.monotonicMs()
  }
  setTimer(task: () => void, delayMs: number) {
    const passed = () => {
      this.pauses.push(delayMs)
      task()
    }
    return systemClock.setTimer(passed, delayMs === SILENCE_MS ? 2000 : delayMs / 100)
  }
}
