/** A connection without a socket, such as one of a simulated network, as the stream that Node's TLS runs on. */

import { Duplex } from 'node:stream'
import type { MessageStream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'

type Done = (err?: Error | null) => void

export class ConnectionDuplex extends Duplex {
  readonly #connection: MessageStream

  /** Nothing may have been read from `connection` that is still wanted. */
  constructor(connection: MessageStream) {
    super()
    this.#connection = connection
    connection.pause()
    connection.addEventListener('message', ({ data }) => {
      let wantsMore = true
      for (const bytes of data instanceof Uint8Array ? [data] : data) wantsMore = this.push(bytes)
      if (!wantsMore && isReadable(connection)) connection.pause()
    })
    connection.addEventListener('close', ({ error }) => {
      if (error === undefined) this.push(null)
      this.destroy(error)
    })
  }

  override _read(): void {
    if (isReadable(this.#connection)) this.#connection.resume()
  }

  override _write(bytes: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    this.#send(new Uint8ArrayList(bytes), done)
  }

  override _writev(pieces: { chunk: Uint8Array }[], done: Done): void {
    this.#send(new Uint8ArrayList(...pieces.map(({ chunk }) => chunk)), done)
  }

  override _final(done: Done): void {
    this.#connection.close().then(() => done(), done)
  }

  override _destroy(err: Error | null, done: Done): void {
    if (err !== null) this.#connection.abort(err)
    else void this.#connection.close().catch(() => {})
    done(err)
  }

  #send(bytes: Uint8ArrayList, done: Done): void {
    const connection = this.#connection
    try {
      if (connection.send(bytes)) {
        done()
        return
      }
    } catch (err) {
      done(err as Error)
      return
    }
    const end = (err?: Error): void => {
      connection.removeEventListener('drain', onDrain)
      connection.removeEventListener('close', onClose)
      done(err)
    }
    const onDrain = (): void => end()
    const onClose = (): void => end(new Error('The connection closed while it was written to.'))
    connection.addEventListener('drain', onDrain)
    connection.addEventListener('close', onClose)
  }
}

/** Pausing or resuming what is closed would throw. */
const isReadable = ({ readStatus }: MessageStream & { readStatus?: string }): boolean =>
  readStatus === 'readable' || readStatus === 'paused'
