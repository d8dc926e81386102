/** One envelope more in the log, of this device or another one. */

import { LumosError } from '../../../interface/errors.ts'
import type { Envelope } from '../../../protocols/memory/envelope.ts'
import type { Parts } from './parts.ts'
import type { Space, Writer } from './space.ts'

/** Of the room of a space, what one other device may fill: the rest is for the others. */
const DEVICE_SHARE = 0.75
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

/** @throws {LumosError} `MEMORY_FULL`: of the space, or of what one device may fill of it. */
export function checkRoom(
  { spaceBytesMax, key }: Pick<Parts, 'spaceBytesMax' | 'key'>,
  space: Space,
  device: string
): void {
  if (space.bytes > spaceBytesMax)
    throw new LumosError('MEMORY_FULL', `The space ${space.id} has over ${spaceBytesMax} bytes here.`)
  const share = DEVICE_SHARE * spaceBytesMax
  // Not summed where it cannot be reached.
  if (space.bytes <= share || device === key.peerId || space.bytesOf(device) <= share) return
  throw new LumosError('MEMORY_FULL', `${device} has over ${share} bytes in the space ${space.id} here.`)
}
