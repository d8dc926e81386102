/** One envelope more in the log, of this device or another one. */

import type { Envelope } from '../../../protocols/memory/envelope.ts'
import type { Parts } from './parts.ts'
import type { Space, Writer } from './space.ts'

/** A row has this beside its bytes. */
const ROW_BYTES = 200

/** Writes it, and the new end of the chain. */
export function appendEnvelope(
  { log }: Pick<Parts, 'log'>,
  space: Space,
  writer: Writer,
  envelope: Envelope,
  touched: (id: number) => void
): void {
  const { seq, hash, clock, tag, head, signature, box } = envelope
  const id = log.append(space.row, { writer: writer.id, seq, hash, clock, tag, head, signature, box })
  space.moveHead(writer, { seq, hash, clock })
  const bytes = head.length + (box?.length ?? 0) + ROW_BYTES
  space.bytes += bytes
  writer.bytes += bytes
  touched(id)
}
