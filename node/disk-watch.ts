/**
 * Notices that the disk refuses to store, says so once, and tries until it takes
 * everything again. Meanwhile the node goes on with what it has in mind: a full
 * disk is no reason to answer no requests.
 */

import type { Clock, Timer } from '../interface/clock.ts'
import { type LumosError, toLumosError } from '../interface/errors.ts'
import type { Logger, Startable } from '../interface/lifecycle.ts'
import type { NodeStatus } from '../interface/status.ts'

/** Within 10 s of the space being there everything is stored: what security asks for, twice over. */
const LOOK_INTERVAL_MS = 4000

export interface DiskWatchComponents {
  readonly clock: Clock
  readonly log: Logger
  /** What the disk refused last, and how to try it again. */
  readonly home: { readonly failure: LumosError | undefined; retry(): void }
  /** Store what was kept in mind. Throws while that fails. */
  flush(): void
  /** The disk begins to refuse, or takes everything again. */
  onChange(failure: LumosError | undefined): void
}

export class DiskWatch implements Startable {
  readonly #components: DiskWatchComponents
  #timer: Timer | undefined
  #refuses = false

  constructor(components: DiskWatchComponents) {
    this.#components = components
  }

  start(): void {
    this.#timer = this.#components.clock.setTimer(() => {
      this.#look()
      this.start()
    }, LOOK_INTERVAL_MS)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #look(): void {
    const { home, log, flush, onChange } = this.#components
    const { failure } = home
    if (failure === undefined) return
    if (!this.#refuses) {
      this.#refuses = true
      log.error({ err: failure, code: failure.code }, 'the disk refuses to store; the node goes on without')
      onChange(failure)
    }
    try {
      home.retry()
      flush()
    } catch (thrown) {
      log.debug({ code: toLumosError(thrown).code }, 'the disk still refuses')
      return
    }
    this.#refuses = false
    log.info({}, 'the disk takes everything again')
    onChange(undefined)
  }
}

/** What the disk refuses, in a word. */
const STORAGE_STATES: Readonly<Record<string, NodeStatus['storage']>> = {
  STORE_FULL: 'full',
  STORE_FAILED: 'failing',
  STORE_DAMAGED: 'failing'
}

export const storageStateOf = (code = ''): NodeStatus['storage'] => STORAGE_STATES[code] ?? 'ok'
