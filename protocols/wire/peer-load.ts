/** What one peer makes this node hold, and the bounds of that. */

import { LumosError } from '../../interface/errors.ts'
import {
  ATTACHMENT_BYTES_MAX,
  FRAME_BYTES_HARD_MAX,
  UNSENT_BYTES_MAX,
  UNSENT_BYTES_PER_PEER_MAX
} from './limits.ts'
import { UnsentBytes } from './unsent-bytes.ts'

/** Under way for one peer at once, on all its streams: what a session and all lanes may hold, so a dialer of ours is never refused here. */
const CALLS_PER_PEER_MAX = 512
/** Input of calls under way: one request of the largest size, or many small ones. */
const INPUT_BYTES_PER_PEER_MAX = ATTACHMENT_BYTES_MAX + FRAME_BYTES_HARD_MAX
/** Of all peers together: what a node of 1 GiB can hold without swapping. Members are few, so a fixed share each would waste it. */
const INPUT_BYTES_MAX = 256 * 1024 * 1024
/**
 * Refusals that one peer leaves unread. Its streams are read on meanwhile, so that nothing of what it goes on
 * sending is held; one of our dialers has fewer calls under way than are refused at all.
 */
const REFUSALS_UNREAD_MAX = 512

export interface LoadLimits {
  readonly callsPerPeerMax?: number
  readonly inputBytesPerPeerMax?: number
  readonly inputBytesMax?: number
}

/** What all peers together have under way. */
export class TotalLoad {
  readonly inputBytesMax: number
  readonly unsent = new UnsentBytes(UNSENT_BYTES_MAX)
  inputBytes = 0

  constructor({ inputBytesMax = INPUT_BYTES_MAX }: LoadLimits) {
    this.inputBytesMax = inputBytesMax
  }
}

export class PeerLoad {
  readonly peerId: string
  /** Of answers, on all its streams. */
  readonly unsent: UnsentBytes
  streams = 0
  calls = 0
  readonly #total: TotalLoad
  readonly #callsMax: number
  readonly #inputBytesMax: number
  #inputBytes = 0
  #refusalsUnread = 0

  constructor(peerId: string, total: TotalLoad, limits: LoadLimits) {
    this.peerId = peerId
    this.#total = total
    this.#callsMax = limits.callsPerPeerMax ?? CALLS_PER_PEER_MAX
    this.#inputBytesMax = limits.inputBytesPerPeerMax ?? INPUT_BYTES_PER_PEER_MAX
    this.unsent = new UnsentBytes(UNSENT_BYTES_PER_PEER_MAX, total.unsent)
  }

  get mayCall(): boolean {
    return this.calls < this.#callsMax
  }

  get isOver(): boolean {
    return this.streams === 0 && this.calls === 0
  }

  /** @returns whether so much more input may be kept; then it counts until it is released. */
  admit(bytes: number): boolean {
    const total = this.#total
    if (this.#inputBytes > 0 && this.#inputBytes + bytes > this.#inputBytesMax) return false
    if (total.inputBytes + bytes > total.inputBytesMax) return false
    this.#inputBytes += bytes
    total.inputBytes += bytes
    return true
  }

  release(bytes: number): void {
    this.#inputBytes -= bytes
    this.#total.inputBytes -= bytes
  }

  /**
   * A refusal was written, and waits until there is `room`.
   *
   * @throws {LumosError} `SLOW_PEER` when the peer leaves too many unread.
   */
  refused(room: Promise<void>): void {
    this.#refusalsUnread++
    const taken = (): void => void this.#refusalsUnread--
    room.then(taken, taken)
    if (this.#refusalsUnread > REFUSALS_UNREAD_MAX) {
      throw new LumosError('SLOW_PEER', 'The peer asks on and on and reads no answer.')
    }
  }
}
