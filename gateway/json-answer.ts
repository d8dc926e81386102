/**
 * JSON of answers. A large one is encoded in pieces, each when its client has taken the last: as one text, tensors of
 * 64 MiB would hold up the network's thread for a third of a second, and be in memory twice until the client has read it.
 */

/** A larger answer comes in pieces. A text of this size takes some milliseconds. */
export const WHOLE_BYTES_MAX = 1024 * 1024
const PIECE_CHARS = 256 * 1024
/** Without a rest in base64, so that the pieces of one value follow each other. */
const BASE64_BYTES = 3 * 64 * 1024
const ITEMS_AT_ONCE = 1024
/** Of a number, a key or a sign, roughly. */
const VALUE_BYTES = 8

const encoder = new TextEncoder()

/** JSON in which bytes are base64. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key, item) {
    // A Buffer has turned itself into an object of numbers before it gets here; its holder still has the bytes.
    const bytes = this[key]
    return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('base64') : item
  })
}

/** The body of an answer. */
export function jsonBody(value: unknown): string | ReadableStream<Uint8Array> {
  if (!isLarge(value)) return toJson(value)
  const pieces = jsonPieces(value)
  return new ReadableStream({
    async pull(controller) {
      const piece = await nextPiece(pieces)
      if (piece === undefined) controller.close()
      else controller.enqueue(piece)
    }
  })
}

/** In a turn of its own: a client that reads fast leaves the others their turns. */
export async function nextPiece(pieces: Iterator<string>): Promise<Uint8Array | undefined> {
  await new Promise(resolve => setImmediate(resolve))
  const { done, value } = pieces.next()
  return done ? undefined : encoder.encode(value)
}

/** Whether the JSON of `value` takes more than about `bytesMax`. */
export function isLarge(value: unknown, bytesMax = WHOLE_BYTES_MAX): boolean {
  return leftOf(value, bytesMax) < 0
}

/** What `value` leaves of `bytes`; below zero, it is not looked at further. */
function leftOf(value: unknown, bytes: number): number {
  if (typeof value === 'string') return bytes - value.length
  if (typeof value !== 'object' || value === null) return bytes - VALUE_BYTES
  if (value instanceof Uint8Array) return bytes - value.length
  let left = bytes - VALUE_BYTES
  // By index: as a key, each is a text of its own, and an answer of 2 KB takes 8 µs in place of 1.
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length && left >= 0; at++) left = leftOf(value[at], left - VALUE_BYTES)
    return left
  }
  for (const key in value) {
    if (left < 0) break
    left = leftOf((value as Record<string, unknown>)[key], left - VALUE_BYTES)
  }
  return left
}

/** What {@link toJson} gives, in pieces of about a quarter of a megabyte. */
export function* jsonPieces(value: unknown): Generator<string, undefined> {
  let gathered = ''
  for (const part of partsOf(value)) {
    gathered += part
    if (gathered.length < PIECE_CHARS) continue
    yield gathered
    gathered = ''
  }
  if (gathered !== '') yield gathered
}

function* partsOf(value: unknown): Generator<string> {
  if (!hasPieces(value)) {
    yield toJson(value)
  } else if (value instanceof Uint8Array) {
    yield '"'
    for (let at = 0; at < value.length; at += BASE64_BYTES)
      yield toJson(value.subarray(at, at + BASE64_BYTES)).slice(1, -1)
    yield '"'
  } else if (Array.isArray(value)) {
    yield '['
    for (let at = 0; at < value.length; at += ITEMS_AT_ONCE) {
      if (at > 0) yield ','
      yield* itemParts(value.slice(at, at + ITEMS_AT_ONCE))
    }
    yield ']'
  } else {
    yield* objectParts(value as Readonly<Record<string, unknown>>)
  }
}

function* itemParts(items: readonly unknown[]): Generator<string> {
  if (!isLarge(items, PIECE_CHARS)) return yield toJson(items).slice(1, -1)
  for (const [n, item] of items.entries()) {
    if (n > 0) yield ','
    if (hasPieces(item)) yield* partsOf(item)
    else yield toJson([item]).slice(1, -1)
  }
}

function* objectParts(object: Readonly<Record<string, unknown>>): Generator<string> {
  let before = '{'
  for (const [key, item] of Object.entries(object)) {
    if (hasPieces(item)) {
      yield `${before}${JSON.stringify(key)}:`
      yield* partsOf(item)
    } else {
      // Empty for what JSON leaves out.
      const entry = toJson({ [key]: item }).slice(1, -1)
      if (entry === '') continue
      yield before + entry
    }
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

const hasPieces = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !('toJSON' in value && !(value instanceof Uint8Array)) &&
  isLarge(value, PIECE_CHARS)
