/** One end of a connection, as libp2p sees a TCP socket. */

import type { AbortOptions, Logger } from '@libp2p/interface'
import { AbstractMultiaddrConnection } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Uint8ArrayList } from 'uint8arraylist'
import type { Endpoint } from './endpoint.ts'
import type { Flow, Receiver, Writer } from './flow.ts'

/** What one write to a link holds at most, so that connections take turns. */
const MESSAGE_BYTES_MAX = 64 * 1024

export interface SimConnectionInit {
  readonly endpoint: Endpoint
  readonly remoteAddr: Multiaddr
  readonly direction: 'inbound' | 'outbound'
  readonly log: Logger
}

export class SimConnection extends AbstractMultiaddrConnection implements Receiver, Writer {
  readonly #endpoint: Endpoint
  #out: Flow | undefined
  #in: Flow | undefined
  #gone = false

  constructor({ endpoint, ...init }: SimConnectionInit) {
    super({ ...init, maxMessageSize: MESSAGE_BYTES_MAX })
    this.#endpoint = endpoint
    endpoint.connections.add(this)
    this.addEventListener('close', () => {
      endpoint.connections.delete(this)
      // What still comes for a device that is gone must find nobody, not an end.
      if (!this.#gone) this.#in?.close()
    })
  }

  /** Both ends are made; from now on bytes can go either way. */
  join(out: Flow, into: Flow): void {
    this.#out = out
    this.#in = into
  }

  sendData(data: Uint8ArrayList): { sentBytes: number; canSendMore: boolean } {
    // A stopped process writes nothing; `drain` comes when it goes on.
    if (this.#endpoint.frozen) return { sentBytes: 0, canSendMore: false }
    return { sentBytes: data.byteLength, canSendMore: this.#out!.write(data) }
  }

  async sendClose(_options?: AbortOptions): Promise<void> {
    this.#endpoint.whenRunning(() => this.#out!.end())
  }

  sendReset(): void {
    if (!this.#gone) this.#endpoint.whenRunning(() => this.#out!.reset())
  }

  sendPause(): void {}

  sendResume(): void {
    this.#in!.wake()
  }

  /** Its process goes on after a pause. */
  thaw(): void {
    this.#in!.wake()
    this.safeDispatchEvent('drain')
  }

  /** Its device is gone: this end ends by itself, and the other hears nothing. */
  vanish(): void {
    this.#gone = true
    this.#out!.close()
    this.abort(new Error('The device is gone.'))
  }

  get busy(): boolean {
    return this.#endpoint.frozen || this.readStatus === 'paused'
  }

  get readyAtMs(): number {
    return this.#endpoint.readyAtMs
  }

  get gone(): boolean {
    return this.#gone
  }

  get answers(): boolean {
    return !this.#gone || this.#endpoint.replaced
  }

  onBytes(bytes: Uint8ArrayList): void {
    this.#endpoint.work(bytes.byteLength)
    this.onData(bytes)
  }

  onEnd(): void {
    this.onTransportClosed()
  }

  onReset(): void {
    if (this.status === 'open' || this.status === 'closing') this.onRemoteReset()
  }

  onWritable(): void {
    this.safeDispatchEvent('drain')
  }
}
