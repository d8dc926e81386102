/** Streams of calls to one peer: a session that small calls share, opened with the first of them, and lanes. */

import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { LumosError, PeerUnreachableError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { FrameStream } from './frames.ts'
import { Lanes } from './lanes.ts'
import { TYPE } from './messages.ts'
import { Session } from './session.ts'

export interface PeerSessionsOptions {
  readonly clock: Clock
  readonly lanesMax: number
  /** Opens a stream of the protocol to the peer. */
  openStream(options: AbortOptions): Promise<Stream>
  /** See {@link Session}. Absent: each message is kept. */
  admit?(bytes: number): boolean
}

export class PeerSessions {
  readonly lanes: Lanes
  readonly #options: PeerSessionsOptions
  #session: Session | undefined
  #opening: Promise<Session> | undefined
  #closed = false

  constructor(options: PeerSessionsOptions) {
    const { clock, lanesMax } = options
    this.#options = options
    this.lanes = new Lanes({ clock, lanesMax, open: (onClosed, opened) => this.#open(onClosed, opened) })
  }

  /** The session, while it takes calls. */
  get session(): Session | undefined {
    return this.#session?.usable ? this.#session : undefined
  }

  /** Opened once for all that wait for it, so no single caller can give it up. */
  shared(): Promise<Session> {
    if (this.session !== undefined) return Promise.resolve(this.session)
    this.#opening ??= this.#open(this.#onSessionClosed, {})
      .then(session => {
        this.#session = session
        return session
      })
      .finally(() => {
        this.#opening = undefined
      })
    return this.#opening
  }

  /** Ends what is under way with `PEER_UNREACHABLE` and closes all streams. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([this.lanes.close(), this.#session?.close()])
  }

  readonly #onSessionClosed = (session: Session): void => {
    if (this.#session === session) this.#session = undefined
  }

  async #open(onClosed: (session: Session) => void, options: AbortOptions): Promise<Session> {
    const { clock, openStream, admit } = this.#options
    if (this.#closed) throw closing()
    let stream: Stream
    try {
      stream = await openStream(options)
    } catch (err) {
      if (err instanceof LumosError) throw err
      throw new PeerUnreachableError('No stream to the peer could be opened.', { cause: err })
    }
    if (this.#closed) {
      const err = closing()
      stream.abort(err)
      throw err
    }
    return new Session(new FrameStream(stream, { clock, inPieces: TYPE.data }), clock, onClosed, admit)
  }
}

const closing = (): LumosError => new PeerUnreachableError('The connection to the peer is closing.')
