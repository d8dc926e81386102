/**
 * `/ipfs/bitswap/1.2.0`, as far as a peer that only answers needs it: want lists come, blocks and presences go.
 * Blocks that a peer sends are skipped unread. Each message is a protobuf behind its length.
 */

import { CID } from 'multiformats/cid'
import { ProtocolViolationError } from '../../interface/errors.ts'
import { allocate } from '../wire/bytes.ts'
import { fieldsOf, lengthPrefixed, protobuf } from './protobuf.ts'

/** Both other versions of the protocol lack presences. */
export const BITSWAP_PROTOCOL = '/ipfs/bitswap/1.2.0'
/** Kubo and Helia send 1,024 wants in a message at most, of some 50 bytes each. */
const WANTS_MESSAGE_BYTES_MAX = 128 * 1024
/** Of the length of a message: three groups of seven bits cover the limit. */
const LENGTH_BYTES_MAX = 3
/** A CID with a SHA-512 has 68. */
const CID_BYTES_MAX = 128

/** Numbers of Bitswap's fields. */
const MESSAGE = { wantlist: 1, payload: 3, presences: 4 }
const WANTLIST = { entries: 1, full: 2 }
const ENTRY = { cid: 1, cancel: 3, wantType: 4, sendDontHave: 5 }
const BLOCK = { prefix: 1, data: 2 }
const PRESENCE = { cid: 1, type: 2 }
const WANT_HAVE = 1
const DONT_HAVE = 1

export interface Want {
  readonly cid: CID
  readonly cancel: boolean
  /** The peer asks whether the block is there, and not for its bytes. */
  readonly presence: boolean
  /** The peer wants to be told what is not there. */
  readonly sendDontHave: boolean
}

export interface Wants {
  /** In place of all wants before. */
  readonly full: boolean
  readonly entries: readonly Want[]
}

/** @throws {ProtocolViolationError} */
export function decodeWants(message: Uint8Array): Wants {
  let full = false
  const entries: Want[] = []
  for (const [number, list] of fieldsOf(message)) {
    if (number !== MESSAGE.wantlist || typeof list === 'number') continue
    for (const [part, value] of fieldsOf(list)) {
      if (part === WANTLIST.full) full = value === 1
      else if (part === WANTLIST.entries && typeof value !== 'number') entries.push(decodeWant(value))
    }
  }
  return { full, entries }
}

function decodeWant(entry: Uint8Array): Want {
  const fields = new Map(fieldsOf(entry))
  const bytes = fields.get(ENTRY.cid)
  if (bytes === undefined || typeof bytes === 'number' || bytes.byteLength > CID_BYTES_MAX)
    throw new ProtocolViolationError(`A want has no CID of ${CID_BYTES_MAX} bytes or fewer.`)
  return {
    cid: decodeCid(bytes),
    cancel: fields.get(ENTRY.cancel) === 1,
    presence: fields.get(ENTRY.wantType) === WANT_HAVE,
    sendDontHave: fields.get(ENTRY.sendDontHave) === 1
  }
}

function decodeCid(bytes: Uint8Array): CID {
  try {
    return CID.decode(bytes)
  } catch (cause) {
    throw new ProtocolViolationError('A want names no CID.', { cause })
  }
}

/** The bytes of a block, in a message with its length before it. */
export function encodeBlock(cid: CID, data: Uint8Array): Uint8Array {
  const { bytes, version, code, multihash } = cid
  const { digest } = multihash
  // All of the CID but its digest: the reader hashes the bytes itself. Version 0 leaves the version and codec out.
  const prefix =
    version === 0
      ? Uint8Array.of(version, code, multihash.code, digest.byteLength)
      : bytes.subarray(0, bytes.byteLength - digest.byteLength)
  const block = protobuf([
    [BLOCK.prefix, prefix],
    [BLOCK.data, data]
  ])
  return lengthPrefixed(protobuf([[MESSAGE.payload, block]]))
}

/** Whether a block is there. */
export function encodePresence(cid: CID, isThere: boolean): Uint8Array {
  const presence = protobuf([
    [PRESENCE.cid, cid.bytes],
    [PRESENCE.type, isThere ? 0 : DONT_HAVE]
  ])
  return lengthPrefixed(protobuf([[MESSAGE.presences, presence]]))
}

/** Cuts what comes on a stream into messages. */
export class WantsParser {
  #length = 0
  #lengthBytes = 0
  #body: Uint8Array | undefined
  #filled = 0

  /** @throws {ProtocolViolationError} where a message is over its limit. */
  push(chunk: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = []
    for (let at = 0; at < chunk.byteLength; ) {
      if (this.#body === undefined) {
        const byte = chunk[at++]!
        this.#length += (byte & 0x7f) << (7 * this.#lengthBytes++)
        if (byte >= 0x80 && this.#lengthBytes < LENGTH_BYTES_MAX) continue
        if (byte >= 0x80 || this.#length > WANTS_MESSAGE_BYTES_MAX)
          throw new ProtocolViolationError(`A message of wants is over ${WANTS_MESSAGE_BYTES_MAX} bytes.`)
        this.#body = allocate(this.#length)
      }
      const part = chunk.subarray(at, at + this.#length - this.#filled)
      this.#body.set(part, this.#filled)
      this.#filled += part.byteLength
      at += part.byteLength
      if (this.#filled < this.#length) continue
      messages.push(this.#body)
      this.#body = undefined
      this.#length = 0
      this.#lengthBytes = 0
      this.#filled = 0
    }
    return messages
  }
}
