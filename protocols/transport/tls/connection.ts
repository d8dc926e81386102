/** A TLS socket as libp2p's stream of bytes. */

import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import type { AbortOptions, MultiaddrConnection, StreamCloseEvent } from '@libp2p/interface'
import { AbstractMessageStream } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import { whenSent } from '../../wire/lent-bytes.ts'

/** Up to here, copying pieces together costs less than handing them over one by one. */
const COPIED_BYTES_MAX = 16 * 1024

export class TlsConnection extends AbstractMessageStream {
  readonly #socket: TLSSocket
  readonly #transport: MultiaddrConnection

  /** @param transport what the socket was taken from; it learns of the end from the socket below. */
  constructor(transport: MultiaddrConnection, socket: TLSSocket) {
    super({
      log: transport.log.newScope('tls'),
      direction: transport.direction,
      inactivityTimeout: transport.inactivityTimeout,
      maxReadBufferLength: transport.maxReadBufferLength
    })
    this.#socket = socket
    this.#transport = transport
    socket.on('data', bytes => this.onData(bytes))
    socket.on('drain', () => this.safeDispatchEvent('drain'))
    transport.addEventListener('close', event => this.#onClosed(event))
  }

  /**
   * All pieces of a message in one write: each write is a record, a system call and a packet. Of a buffer that was lent,
   * what is copied needs it no longer.
   */
  sendData(data: Uint8ArrayList): { sentBytes: number; canSendMore: boolean } {
    // Counted first: what sends may empty the list.
    const { byteLength } = data
    const socket = this.#socket
    if (byteLength <= COPIED_BYTES_MAX) {
      const copy = data.subarray()
      socket.write(copy)
      for (const bytes of data) if (bytes.buffer !== copy.buffer) whenSent(bytes)?.()
    } else {
      socket.cork()
      for (const bytes of data) socket.write(bytes, whenSent(bytes))
      socket.uncork()
    }
    return { sentBytes: byteLength, canSendMore: !socket.writableNeedDrain }
  }

  sendPause(): void {
    this.#socket.pause()
  }

  sendResume(): void {
    this.#socket.resume()
  }

  sendReset(err: Error): void {
    this.#socket.destroy()
    this.#transport.abort(err)
  }

  async close(options: AbortOptions = {}): Promise<void> {
    if (this.#socket.closed) return
    const closed = once(this.#socket, 'close', { signal: options.signal })
    this.#socket.destroySoon()
    await closed
  }

  #onClosed({ error, local }: StreamCloseEvent): void {
    this.#socket.destroy()
    if (error === undefined) this.onTransportClosed()
    else if (local) this.abort(error)
    else this.onRemoteReset()
  }
}
