/** Envelopes that came before others that they follow. They are genuine, and bounded for each writer. */

import type { Envelope } from '../../../protocols/memory/envelope.ts'
import { type WriterId, writerName } from '../types.ts'

/** Four of the largest envelopes, or some thousand of the usual ones. */
const PENDING_BYTES_MAX = 1024 * 1024
/** Each row costs this beside its bytes. */
const ROW_BYTES = 512
/** Sixteen writers at their bound: one pull brings what they wait for. */
const ALL_BYTES_MAX = 16 * PENDING_BYTES_MAX

interface Waiting {
  readonly bySeq: Map<number, { envelope: Envelope; from: string }>
  bytes: number
}

export class Pending {
  readonly #writers = new Map<string, Waiting>()
  #bytes = 0
  #count = 0

  get size(): number {
    return this.#count
  }

  /** @returns false where there is no room: it must be sent again. */
  add(envelope: Envelope, from: string): boolean {
    const name = writerName(envelope)
    const waiting = this.#writers.get(name) ?? { bySeq: new Map(), bytes: 0 }
    if (waiting.bySeq.has(envelope.seq)) return true
    const bytes = bytesOf(envelope)
    if (waiting.bytes + bytes > PENDING_BYTES_MAX || this.#bytes + bytes > ALL_BYTES_MAX) return false
    waiting.bySeq.set(envelope.seq, { envelope, from })
    waiting.bytes += bytes
    this.#bytes += bytes
    this.#count++
    this.#writers.set(name, waiting)
    return true
  }

  get(writer: string, seq: number): { envelope: Envelope; from: string } | undefined {
    return this.#writers.get(writer)?.bySeq.get(seq)
  }

  drop(writer: string, seq: number): void {
    const waiting = this.#writers.get(writer)
    const found = waiting?.bySeq.get(seq)
    if (waiting === undefined || found === undefined) return
    waiting.bySeq.delete(seq)
    const bytes = bytesOf(found.envelope)
    waiting.bytes -= bytes
    this.#bytes -= bytes
    this.#count--
    if (waiting.bySeq.size === 0) this.#writers.delete(writer)
  }

  /** All that are up to this number: they are here now, or will never be of use. */
  dropUpTo(writer: string, seq: number): void {
    for (const known of this.#writers.get(writer)?.bySeq.keys() ?? [])
      if (known <= seq) this.drop(writer, known)
  }

  writers(): string[] {
    return [...this.#writers.keys()]
  }

  /** Whether one of these depends on this envelope. */
  wants({ device, life, seq }: WriterId & { seq: number }): boolean {
    if (this.#count === 0) return false
    for (const { bySeq } of this.#writers.values())
      for (const { envelope } of bySeq.values())
        if (envelope.after.some(on => on.device === device && on.life === life && on.seq >= seq)) return true
    return false
  }
}

const bytesOf = ({ head, box }: Envelope): number => head.length + (box?.length ?? 0) + ROW_BYTES
