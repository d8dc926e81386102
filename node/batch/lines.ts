/** Lines of a file, one after the other, however large the file is. */

import type { FileHandle } from 'node:fs/promises'

const CHUNK_BYTES = 256 * 1024
const LINE_END = 10
const RETURN = 13

export interface Line {
  /** Absent where it is longer than allowed. */
  readonly bytes: Buffer | undefined
  /** Of its first byte in the file, and of the one after its end. */
  readonly from: number
  readonly to: number
  /** Whether a line end follows it. */
  readonly ends: boolean
}

export async function* linesOf(file: FileHandle, bytesMax: number): AsyncGenerator<Line> {
  let from = 0
  let at = 0
  let parts: Buffer[] = []
  let length = 0
  const lineTo = (to: number, ends: boolean): Line => {
    const whole = length > bytesMax ? undefined : Buffer.concat(parts)
    const bytes = whole?.at(-1) === RETURN ? whole.subarray(0, -1) : whole
    const line = { bytes, from, to, ends }
    from = to
    parts = []
    length = 0
    return line
  }
  const add = (part: Buffer): void => {
    length += part.length
    if (length > bytesMax) parts = []
    else parts.push(part)
  }
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, at)
    if (bytesRead === 0) break
    const chunk = buffer.subarray(0, bytesRead)
    let begin = 0
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, begin)) {
      add(chunk.subarray(begin, end))
      yield lineTo(at + end + 1, true)
      begin = end + 1
    }
    add(chunk.subarray(begin))
    at += bytesRead
  }
  if (at > from) yield lineTo(at, false)
}
