/**
 * Frames in, bytes out, few and large: small frames written during one turn of
 * the event loop leave as one send, because each send costs an encryption, a
 * multiplexer header and a system call whatever its size.
 */

import { Uint8ArrayList } from 'uint8arraylist'
import { LumosError } from '../../interface/errors.ts'
import { FRAME_BYTES_HARD_MAX } from './limits.ts'

/** Frames are gathered here by copying; a slab is used up once, since what was sent may still be on its way. */
const SLAB_BYTES = 64 * 1024
/** Bodies above this are sent from where they lie. */
const COPY_BYTES_MAX = 16 * 1024
/** Enough gathered: more would only add latency. */
const FLUSH_BYTES = 64 * 1024
/** Four bytes of length, one of type. */
const HEADER_BYTES_MAX = 5

export class FrameWriter {
  readonly #send: (bytes: Uint8Array | Uint8ArrayList) => void
  /** Made when it is first needed: most streams are idle. */
  #slab = NO_SLAB
  #start = 0
  #end = 0
  #parts: Uint8Array[] = []
  #gathered = 0
  /** Set while a flush is due at the end of this turn of the event loop. */
  #due: NodeJS.Immediate | undefined

  constructor(send: (bytes: Uint8Array | Uint8ArrayList) => void) {
    this.#send = send
  }

  /** Bytes gathered and not sent yet. */
  get gathered(): number {
    return this.#gathered
  }

  /** Gather one frame. Its body belongs to the writer from now on: do not change it. */
  add(type: number, body: Uint8Array | readonly Uint8Array[]): void {
    const parts = Array.isArray(body) ? (body as readonly Uint8Array[]) : undefined
    let length = 0
    if (parts === undefined) length = (body as Uint8Array).byteLength
    else for (const part of parts) length += part.byteLength
    if (length > FRAME_BYTES_HARD_MAX) {
      throw new LumosError('FRAME_TOO_LARGE', `A frame cannot hold ${length} bytes.`)
    }

    this.#header(type, length)
    if (parts === undefined) this.#append(body as Uint8Array)
    else for (const part of parts) this.#append(part)

    if (this.#gathered >= FLUSH_BYTES) this.flush()
    else this.#due ??= setImmediate(this.#onTurnEnd)
  }

  /** Send what was gathered, now. */
  flush(): void {
    if (this.#due !== undefined) {
      clearImmediate(this.#due)
      this.#due = undefined
    }
    if (this.#gathered === 0) return
    this.#gathered = 0
    if (this.#parts.length === 0) {
      const bytes = this.#slab.subarray(this.#start, this.#end)
      this.#start = this.#end
      this.#send(bytes)
      return
    }
    this.#cut()
    const parts = this.#parts
    this.#parts = []
    this.#send(new Uint8ArrayList(...parts))
  }

  readonly #onTurnEnd = (): void => {
    this.#due = undefined
    this.flush()
  }

  #header(type: number, length: number): void {
    this.#reserve(HEADER_BYTES_MAX)
    const start = this.#end
    let rest = length
    while (rest >= 0x80) {
      this.#slab[this.#end++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#slab[this.#end++] = rest
    this.#slab[this.#end++] = type
    this.#gathered += this.#end - start
  }

  #append(bytes: Uint8Array): void {
    const length = bytes.byteLength
    if (length > COPY_BYTES_MAX) {
      this.#cut()
      this.#parts.push(bytes)
    } else {
      this.#reserve(length)
      this.#slab.set(bytes, this.#end)
      this.#end += length
    }
    this.#gathered += length
  }

  /** Make room for `bytes` in one piece. */
  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#slab.byteLength) return
    this.#cut()
    this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    this.#start = 0
    this.#end = 0
  }

  /** Close the slab's open piece, so that what is added next comes after it. */
  #cut(): void {
    if (this.#end > this.#start) this.#parts.push(this.#slab.subarray(this.#start, this.#end))
    this.#start = this.#end
  }
}

const NO_SLAB = Buffer.alloc(0)
