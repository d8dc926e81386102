/**
 * Looks after what the command line finds a node by. Cleaners of temporary folders and people remove sockets and run
 * files of nodes that run; a whole home may be removed, too, and then another node may begin in its place.
 */

import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Timer } from '../interface/clock.ts'
import type { Logger } from '../interface/lifecycle.ts'

/** A person who tries again finds the node. Three looks at files cost some microseconds. */
const LOOK_INTERVAL_MS = 3000

export interface HomeWatchComponents {
  readonly clock: Clock
  readonly log: Logger
  readonly home: string
  readonly socketPath: string
  /** Whether the run file is there, and names the node as it is called now. */
  isRunFileRight(): boolean
  writeRunFile(): void
  openSocket(): Promise<void>
  /** The home is gone, and with it the lock: this process must not touch that path again. */
  onGone(): void
}

export class HomeWatch implements Disposable {
  readonly #components: HomeWatchComponents
  readonly #lock: string
  readonly #inode: number | undefined
  #timer: Timer | undefined

  constructor(components: HomeWatchComponents) {
    this.#components = components
    this.#lock = join(components.home, 'lock.db')
    this.#inode = inodeOf(this.#lock)
    this.#wait()
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel()
  }

  #wait(): void {
    this.#timer = this.#components.clock.setTimer(() => {
      this.#wait()
      void this.#look()
    }, LOOK_INTERVAL_MS)
  }

  async #look(): Promise<void> {
    const { log, home, socketPath, isRunFileRight, writeRunFile, openSocket, onGone } = this.#components
    if (inodeOf(this.#lock) !== this.#inode) {
      log.error({ home }, 'the home was removed or replaced while its node runs; the node ends')
      onGone()
      return
    }
    try {
      // A named pipe of Windows is no file that could be removed.
      if (process.platform !== 'win32' && !existsSync(socketPath)) {
        log.warn({ socketPath }, 'the socket of this node was removed; it is made again')
        await openSocket()
      }
      if (!isRunFileRight()) {
        log.info({ home }, 'the run file of this node is written again')
        writeRunFile()
      }
    } catch (err) {
      // The next look tries again.
      log.warn({ err }, 'what the command line needs to find this node cannot be made again')
    }
  }
}

/** Undefined when there is none. */
const inodeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino
