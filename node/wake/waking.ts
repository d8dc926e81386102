/** Devices that are being woken: bursts until the device is connected, or its time is over. Requests share one waking. */

import type { Clock, Timer } from '../../interface/clock.ts'
import { CancelledError, LumosError, PeerUnreachableError } from '../../interface/errors.ts'
import { BURST_GAP_MS } from './bursts.ts'
import type { WakeableDevice } from './wakeable.ts'

/** A computer that starts from nothing is connected within a minute. */
const BURST_EACH_MS = BURST_GAP_MS + 1000
const BURSTS_MAX = 18
export const WAKE_MS_MAX = BURST_EACH_MS * BURSTS_MAX
/** Devices that are woken at one time: requests for more go elsewhere, or fail. */
export const WAKINGS_MAX = 4

export interface WakingComponents {
  readonly clock: Clock
  /** Sends what wakes the device, the `count`th time. Never rejects. */
  burst(device: WakeableDevice, count: number, signal: AbortSignal): Promise<void>
  /** Once for each waking that is not given up: the device is connected, or did not come. */
  onEnd(peerId: string, wakeMs: number | undefined): void
}

interface UnderWay {
  readonly wakeMs: Promise<number>
  waiting: number
  met(): void
  fail(why: LumosError): void
}

export class Waking {
  readonly #components: WakingComponents
  readonly #underWay = new Map<string, UnderWay>()

  constructor(components: WakingComponents) {
    this.#components = components
  }

  /**
   * @returns how long it took until the device was connected.
   * @throws {LumosError} `PEER_UNREACHABLE` where it does not come, `NO_CAPACITY` while too many are woken.
   */
  async wake(device: WakeableDevice, signal: AbortSignal | undefined): Promise<number> {
    signal?.throwIfAborted()
    const one = this.#underWay.get(device.peerId) ?? this.#begin(device)
    one.waiting++
    const gone = Promise.withResolvers<never>()
    const onAbort = (): void => gone.reject(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    try {
      return await Promise.race([one.wakeMs, gone.promise])
    } finally {
      signal?.removeEventListener('abort', onAbort)
      one.waiting--
      if (one.waiting === 0) one.fail(new CancelledError('The device is not waited for any more.'))
    }
  }

  /** The device is connected. */
  met(peerId: string): void {
    this.#underWay.get(peerId)?.met()
  }

  stop(): void {
    for (const one of [...this.#underWay.values()]) one.fail(new CancelledError('The node is stopping.'))
  }

  #begin(device: WakeableDevice): UnderWay {
    const { clock, burst, onEnd } = this.#components
    const { peerId } = device
    if (this.#underWay.size >= WAKINGS_MAX)
      throw new LumosError('NO_CAPACITY', `${WAKINGS_MAX} devices are being woken; no more at one time.`)
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    promise.catch(() => {})
    const over = new AbortController()
    const startedMs = clock.monotonicMs()
    let timer: Timer | undefined
    const end = (): void => {
      timer?.cancel()
      over.abort(new CancelledError())
      this.#underWay.delete(peerId)
    }
    const fail = (why: LumosError): void => {
      // A waking that has ended does not end the one that follows it.
      if (over.signal.aborted) return
      end()
      reject(why)
    }
    const vain = `${peerId} was woken and did not come within ${WAKE_MS_MAX} ms.`
    const again = (count: number): void => {
      if (count === BURSTS_MAX) {
        fail(new PeerUnreachableError(vain))
        onEnd(peerId, undefined)
        return
      }
      void burst(device, count, over.signal)
      timer = clock.setTimer(() => again(count + 1), BURST_EACH_MS)
    }
    const met = (): void => {
      end()
      const wakeMs = clock.monotonicMs() - startedMs
      onEnd(peerId, wakeMs)
      resolve(wakeMs)
    }
    const one: UnderWay = { wakeMs: promise, waiting: 0, met, fail }
    this.#underWay.set(peerId, one)
    again(0)
    return one
  }
}
