/**
 * An invitation as one link: all a device needs to reach the inviter, to know that
 * it is the inviter, and to be let in.
 *
 *     version 1 · expires 6 (ms) · mesh 32 · inviter 32 · secret 16 · {length 1 · address} …
 */

import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { LumosError } from '../../interface/errors.ts'
import { fromSealedText, toSealedText } from '../membership/index.ts'

const SCHEME = 'lumos:'
const VERSION = 1
const KEY_BYTES = 32
export const SECRET_BYTES = 16
const EXPIRY_BYTES = 6
const ADDRESSES_AT = 1 + EXPIRY_BYTES + 2 * KEY_BYTES + SECRET_BYTES
/** With so many, of IPv6 too, a code is a QR code that fits on a terminal of 80 columns. */
export const INVITE_ADDRESSES_MAX = 12
const ADDRESS_BYTES_MAX = 64

export interface InviteCode {
  /** Id of the mesh. */
  readonly mesh: string
  /** PeerId of the device that made it. */
  readonly inviter: string
  readonly secret: Uint8Array
  readonly expiresAtMs: number
  /** Multiaddrs of the inviter, without its PeerId. */
  readonly addresses: readonly string[]
}

export function formatInviteCode({ mesh, inviter, secret, expiresAtMs, addresses }: InviteCode): string {
  const head = Buffer.alloc(1 + EXPIRY_BYTES)
  head.writeUInt8(VERSION)
  head.writeUIntBE(expiresAtMs, 1, EXPIRY_BYTES)
  const packed = addresses
    .map(address => multiaddr(address).bytes)
    .filter(({ byteLength }) => byteLength <= ADDRESS_BYTES_MAX)
    .slice(0, INVITE_ADDRESSES_MAX)
    .flatMap(bytes => [Uint8Array.of(bytes.byteLength), bytes])
  return SCHEME + toSealedText(Buffer.concat([head, keyOf(mesh), keyOf(inviter), secret, ...packed]))
}

/** @throws {LumosError} `INVITE_INVALID` when it is no code, or was not copied right. */
export function parseInviteCode(text: string): InviteCode {
  const code = text.replace(/\s+/g, '')
  const bytes = fromSealedText(code.replace(/^lumos:(\/\/)?/i, ''))
  if (bytes === undefined) throw invalid('was not copied right: a character is missing or wrong')
  if (bytes[0] !== VERSION) throw invalid('is of another version of lumos-node')
  if (bytes.byteLength < ADDRESSES_AT) throw invalid('is too short')

  const view = Buffer.from(bytes)
  const mesh = 1 + EXPIRY_BYTES
  const secret = mesh + 2 * KEY_BYTES
  try {
    return {
      expiresAtMs: view.readUIntBE(1, EXPIRY_BYTES),
      mesh: peerIdOf(view.subarray(mesh, mesh + KEY_BYTES)),
      inviter: peerIdOf(view.subarray(mesh + KEY_BYTES, secret)),
      secret: Uint8Array.from(view.subarray(secret, ADDRESSES_AT)),
      addresses: addressesOf(view.subarray(ADDRESSES_AT))
    }
  } catch {
    throw invalid('holds what cannot be read')
  }
}

function addressesOf(packed: Uint8Array): string[] {
  const addresses: string[] = []
  for (let at = 0; at < packed.byteLength; at += 1 + packed[at]!) {
    const bytes = packed.subarray(at + 1, at + 1 + packed[at]!)
    if (bytes.byteLength !== packed[at] || addresses.length === INVITE_ADDRESSES_MAX) throw new RangeError()
    addresses.push(multiaddr(bytes).toString())
  }
  return addresses
}

const peerIdOf = (key: Uint8Array): string => peerIdFromPublicKey(publicKeyFromRaw(key)).toString()

/** An Ed25519 PeerId is its key. */
function keyOf(peerId: string): Uint8Array {
  const { publicKey } = peerIdFromString(peerId)
  if (publicKey?.raw.byteLength !== KEY_BYTES) throw new TypeError(`${peerId} is not an Ed25519 PeerId.`)
  return publicKey.raw
}

const invalid = (why: string): LumosError =>
  new LumosError('INVITE_INVALID', `This invitation code ${why}.`, {
    hint: 'Copy it whole, or make a new one: lumos-node invite'
  })
