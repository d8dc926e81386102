/**
 * Whether SQLite's write-ahead log lost something that was committed.
 *
 * SQLite reads a log up to the first frame whose checksum is wrong, and takes
 * the rest for what a crash left unfinished: a bit that rots in the middle
 * silently takes all later commits with it, a revocation perhaps. But with
 * `synchronous=FULL` nothing is written behind a commit before that commit is on
 * the disk. So a wrong frame with a whole transaction behind it, and something
 * behind that, is no crash: it is damage.
 *
 * https://www.sqlite.org/fileformat2.html#walformat
 */

import { existsSync, readFileSync } from 'node:fs'
import { storeDamaged } from './failure.ts'

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const MAGIC_LITTLE_ENDIAN = 0x377f0682
const PAGE_BYTES_MIN = 512
const PAGE_BYTES_MAX = 65_536

type Sums = readonly [number, number]

/**
 * To be called before SQLite opens the database at `path`, which may remove its log. The database was written
 * with `synchronous=FULL`, and its log was emptied by each process that opened it.
 *
 * @throws {LumosError} `STORE_DAMAGED`.
 */
export function checkWriteAheadLog(path: string): void {
  const logPath = `${path}-wal`
  if (!existsSync(logPath)) return
  const log = readFileSync(logPath)
  if (log.length <= HEADER_BYTES || !isDamaged(log)) return

  throw storeDamaged(
    logPath,
    'something in its middle has changed, and what was stored after that cannot be read',
    `Restore ${path} and ${logPath} from one backup. Or move ${logPath} away, to go on with what was stored before it.`
  )
}

function isDamaged(log: Buffer): boolean {
  const littleEndian = log.readUInt32BE(0) === MAGIC_LITTLE_ENDIAN
  const header = log.subarray(0, HEADER_BYTES)
  const sums = checksum(header.subarray(0, 24), [0, 0], littleEndian)
  const stored: Sums = [header.readUInt32BE(24), header.readUInt32BE(28)]
  const sound = sums[0] === stored[0] && sums[1] === stored[1]

  const pageBytes = header.readUInt32BE(8)
  if (!isPageSize(pageBytes)) return false
  const frames = framesOf(log, pageBytes)
  // A sector is written whole, and so is this header: when it does not agree with itself, but does with its frames, it has changed since.
  if (!sound) {
    const first = frames[0]
    return first !== undefined && [sums, stored].some(seed => isSound(first, seed, littleEndian))
  }
  const salts = header.subarray(16, 24)
  let seed = stored
  const wrong = frames.findIndex(frame => {
    const whole = frame.subarray(8, 16).equals(salts) && isSound(frame, seed, littleEndian)
    seed = storedSums(frame)
    return !whole
  })
  if (wrong < 0) return false
  const written = frames.map(frame => frame.subarray(8, 16).equals(salts))
  return frames.some(
    (frame, n) => n >= wrong && isCommit(frame) && written[n] === true && written[n + 1] === true
  )
}

/** A power of two: of another size SQLite reads no log. */
const isPageSize = (bytes: number): boolean =>
  bytes >= PAGE_BYTES_MIN && bytes <= PAGE_BYTES_MAX && Number.isInteger(Math.log2(bytes))

function framesOf(log: Buffer, pageBytes: number): Buffer[] {
  const frameBytes = FRAME_HEADER_BYTES + pageBytes
  const count = Math.floor((log.length - HEADER_BYTES) / frameBytes)
  return Array.from({ length: count }, (_, n) =>
    log.subarray(HEADER_BYTES + n * frameBytes, HEADER_BYTES + (n + 1) * frameBytes)
  )
}

/** The last frame of a transaction says how many pages the database has then. */
const isCommit = (frame: Buffer): boolean => frame.readUInt32BE(4) !== 0

const storedSums = (frame: Buffer): Sums => [frame.readUInt32BE(16), frame.readUInt32BE(20)]

function isSound(frame: Buffer, seed: Sums, littleEndian: boolean): boolean {
  const [first, second] = checksum(
    frame.subarray(FRAME_HEADER_BYTES),
    checksum(frame.subarray(0, 8), seed, littleEndian),
    littleEndian
  )
  const stored = storedSums(frame)
  return first === stored[0] && second === stored[1]
}

function checksum(bytes: Buffer, [first, second]: Sums, littleEndian: boolean): Sums {
  let [a, b] = [first, second]
  for (let at = 0; at < bytes.length; at += 8) {
    a = (a + b + (littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))) >>> 0
    b = (b + a + (littleEndian ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at + 4))) >>> 0
  }
  return [a, b]
}
